"""The statements on the catalogue."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import and_, func, select

from services.loyalty.rewards.storage.tables import (
    RewardRecord,
    RewardVersionRecord,
    reward,
    reward_version,
)
from shared.db import Read, Slice, Sorts, Tx, any_of, any_of_rows, columns_of, where_given

SORTS = Sorts(updated_at=(reward.c.updated_at, reward.c.code), code=(reward.c.code,))
_REWARDS = select(*columns_of(reward, RewardRecord))
_VERSIONS = select(*columns_of(reward_version, RewardVersionRecord))


@dataclass(frozen=True, slots=True)
class RewardSelection:
    """The rewards that are listed. None: whichever."""

    kind: str | None = None
    archived: bool | None = None
    updated_since: datetime | None = None


class VersionKey(NamedTuple):
    """A version of a reward."""

    code: str
    version: int


async def find(read: Read, code: str) -> RewardRecord | None:
    """Return a reward; None if there is none with this code."""
    return await read.read_record(RewardRecord, _REWARDS.where(reward.c.code == code))


async def find_for_claim(tx: Tx, code: str) -> RewardRecord | None:
    """Return a reward that stays as it is until the transaction ends; None if there is none. Claims of it do not wait for each other."""
    statement = _REWARDS.where(reward.c.code == code).order_by(reward.c.code)
    return await tx.read_record(RewardRecord, statement.with_for_update(read=True))


async def versions(read: Read, keys: Sequence[VersionKey]) -> dict[VersionKey, RewardVersionRecord]:
    """Return these versions."""
    if not keys:
        return {}
    c = reward_version.c
    statement = _VERSIONS.where(any_of_rows([c.code, c.version], sorted(set(keys))))
    records = await read.read_records(RewardVersionRecord, statement)
    return {VersionKey(record.code, record.version): record for record in records}


async def page(read: Read, selection: RewardSelection, asked: Slice) -> list[RewardRecord]:
    """Return a page of the catalogue."""
    statement = where_given(
        _REWARDS, (reward.c.kind, selection.kind), (reward.c.archived, selection.archived)
    )
    if selection.updated_since is not None:
        statement = statement.where(reward.c.updated_at >= selection.updated_since)
    return await read.read_records(RewardRecord, SORTS.page(statement, asked))


async def offered(read: Read, after: str | None, limit: int) -> list[RewardRecord]:
    """Return rewards that are not archived by their codes, those behind `after`."""
    statement = _REWARDS.where(reward.c.archived.is_(False))
    behind = statement if after is None else statement.where(reward.c.code > after)
    return await read.read_records(RewardRecord, behind.order_by(reward.c.code).limit(limit))


async def by_codes(read: Read, codes: Sequence[str]) -> list[RewardRecord]:
    """Return the rewards with these codes."""
    return await read.read_records(RewardRecord, _REWARDS.where(any_of(reward.c.code, codes)))


async def all_newest(read: Read) -> list[RewardVersionRecord]:
    """Return the newest version of every reward. There are few enough of them (REWARDS_MAX)."""
    c = reward_version.c
    is_newest = and_(reward.c.code == c.code, reward.c.version == c.version)
    return await read.read_records(
        RewardVersionRecord, _VERSIONS.join(reward, is_newest).order_by(reward.c.code)
    )


async def count(read: Read) -> int:
    """Return the number of rewards."""
    return await read.scalar(select(func.count()).select_from(reward)) or 0


async def save(tx: Tx, record: RewardRecord, version: RewardVersionRecord) -> None:
    """Store a reward in the place of the one with its code, with its new version."""
    await tx.upsert_records(reward, [record], key=["code"])
    await tx.insert_records(reward_version, [version])
