"""Find rewards of the catalogue with their documents and their stock."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from services.loyalty.earning.domain.budgets import Quota
from services.loyalty.earning.queries.stocks import UNLIMITED, stocks_of
from services.loyalty.rewards.domain import document as documents
from services.loyalty.rewards.domain.document import RewardDocument
from services.loyalty.rewards.refusals import RewardNotFound
from services.loyalty.rewards.storage import rewards
from services.loyalty.rewards.storage.rewards import RewardSelection, VersionKey
from services.loyalty.rewards.storage.tables import RewardRecord, RewardVersionRecord
from shared.db import Read, Slice

SORTS = rewards.SORTS
__all__ = ["SORTS", "FoundReward", "RewardSelection", "find_reward", "list_rewards", "with_versions"]


@dataclass(frozen=True, slots=True)
class FoundReward:
    """A reward with its newest version and its stock."""

    record: RewardRecord
    version: RewardVersionRecord
    document: RewardDocument
    stock: Quota

    @property
    def ceiling(self) -> int | None:
        """Return the pieces that all members together can claim; None: any number."""
        return None if self.stock.ceiling == UNLIMITED else self.stock.ceiling

    @property
    def room(self) -> int | None:
        """Return the pieces that can still be claimed; None: any number."""
        return None if self.stock.ceiling == UNLIMITED else self.stock.room


async def find_reward(read: Read, code: str) -> FoundReward:
    """Return a reward of the catalogue, also one that is archived. Raises RewardNotFound."""
    record = await rewards.find(read, code)
    if record is None:
        raise RewardNotFound
    return (await with_versions(read, [record]))[0]


async def list_rewards(read: Read, selection: RewardSelection, asked: Slice) -> list[FoundReward]:
    """Return a page of the catalogue."""
    return await with_versions(read, await rewards.page(read, selection, asked))


async def with_versions(read: Read, records: Sequence[RewardRecord]) -> list[FoundReward]:
    """Return these rewards with their newest versions and their stock."""
    versions = await rewards.versions(read, [VersionKey(record.code, record.version) for record in records])
    stocks = await stocks_of(read, [record.code for record in records])
    found = []
    for record in records:
        version = versions[VersionKey(record.code, record.version)]
        found.append(FoundReward(record, version, documents.parse(version.document), stocks[record.code]))
    return found
