"""Find claims that a caller may know of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from services.loyalty.ledger.queries.known_to import customers_shown, may_know
from services.loyalty.rewards.domain import document as documents
from services.loyalty.rewards.domain.document import RewardDocument
from services.loyalty.rewards.refusals import UnknownClaim
from services.loyalty.rewards.storage import claims, rewards
from services.loyalty.rewards.storage.claims import ClaimSelection
from services.loyalty.rewards.storage.rewards import VersionKey
from services.loyalty.rewards.storage.tables import RewardClaimRecord
from shared.auth.principal import Principal
from shared.db import Read, Slice

SORTS = claims.SORTS
__all__ = ["SORTS", "ClaimSelection", "FoundClaim", "admit", "find_claim", "list_claims"]


@dataclass(frozen=True, slots=True)
class FoundClaim:
    """A claim with the version of its reward, and the customer that the caller is shown."""

    record: RewardClaimRecord
    document: RewardDocument
    customer_id: str


async def admit(read: Read, caller: Principal, row_id: int | None) -> RewardClaimRecord:
    """Return the row of the claim with this id, if the caller may know of it.

    A customer may know of their own, a partner of those that it asked for. Raises UnknownClaim.
    """
    records = [] if row_id is None else await claims.by_ids(read, [row_id])
    if not records or not await may_know(read, caller, records[0]):
        raise UnknownClaim
    return records[0]


async def find_claim(read: Read, caller: Principal, row_id: int | None) -> FoundClaim:
    """Return the claim with this row id, if the caller may know of it. Raises UnknownClaim."""
    return (await _with_versions(read, caller, [await admit(read, caller, row_id)]))[0]


async def list_claims(
    read: Read, caller: Principal, selection: ClaimSelection, asked: Slice
) -> list[FoundClaim]:
    """Return a page of the claims that a selection names."""
    return await _with_versions(read, caller, await claims.page(read, selection, asked))


async def _with_versions(
    read: Read, caller: Principal, records: Sequence[RewardClaimRecord]
) -> list[FoundClaim]:
    if not records:
        return []
    versions = await rewards.versions(read, [VersionKey(record.reward, record.version) for record in records])
    customer_of = await customers_shown(read, caller, records)
    return [
        FoundClaim(
            record,
            documents.parse(versions[VersionKey(record.reward, record.version)].document),
            customer_of[record.identity_id],
        )
        for record in records
    ]
