"""The completed goals in the list of a member's ledger."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from services.loyalty.earning.storage import completions
from services.loyalty.ledger.domain.entries import Fact
from services.loyalty.ledger.domain.postings import CauseKind, PostingCause
from shared.db import Read


async def facts(read: Read, causes: Iterable[PostingCause]) -> list[Fact]:
    """Return those of these facts that are completed goals."""
    row_ids = [cause.id for cause in causes if cause.kind is CauseKind.GOAL]
    return [
        Fact(
            cause=PostingCause(CauseKind.GOAL, record.id),
            occurred_at=record.occurred_at,
            booked_at=record.booked_at,
            goal=record.goal,
        )
        for record in (await completions.by_ids(read, row_ids) if row_ids else ())
    ]


async def completed_by(read: Read, purchase_ids: Sequence[int]) -> dict[int, int]:
    """Return the goals that these purchases (row ids) completed: the lot of each row of completions."""
    records = await completions.of_causes(read, CauseKind.PURCHASE, purchase_ids)
    return {record.id: record.lot_id for record in records}
