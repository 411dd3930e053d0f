"""The claims of rewards in the list of a member's ledger."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from services.loyalty.ledger.domain.entries import Fact
from services.loyalty.ledger.domain.postings import CauseKind, PostingCause
from services.loyalty.rewards.storage import claims
from services.loyalty.rewards.storage.tables import RewardClaimRecord
from shared.db import Read

KINDS = (CauseKind.REWARD_CLAIM, CauseKind.REWARD_RETURN)


async def facts(read: Read, causes: Iterable[PostingCause]) -> list[Fact]:
    """Return those of these facts that are claims, or claims that were undone."""
    wanted = [cause for cause in causes if cause.kind in KINDS]
    if not wanted:
        return []
    found = {record.id: record for record in await claims.by_ids(read, [cause.id for cause in wanted])}
    return [fact for cause in wanted if cause.id in found for fact in _facts(cause, found[cause.id])]


def _facts(cause: PostingCause, record: RewardClaimRecord) -> Iterator[Fact]:
    if cause.kind is CauseKind.REWARD_CLAIM:
        yield Fact(
            cause=cause,
            occurred_at=record.occurred_at,
            booked_at=record.booked_at,
            reward=record.reward,
            points=record.points,
        )
    elif record.ended_at is not None:
        yield Fact(
            cause=cause,
            occurred_at=record.ended_at,
            booked_at=record.ended_at,
            reward=record.reward,
            points=record.points,
        )
