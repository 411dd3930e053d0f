"""The opening balances in the list of a member's ledger."""

from __future__ import annotations

from collections.abc import Iterable

from services.loyalty.ledger.domain.entries import Fact
from services.loyalty.ledger.domain.postings import CauseKind, PostingCause
from services.loyalty.openings.storage import openings
from shared.db import Read


async def facts(read: Read, causes: Iterable[PostingCause]) -> list[Fact]:
    """Return those of these facts that are opening balances."""
    row_ids = [cause.id for cause in causes if cause.kind is CauseKind.OPENING]
    return [
        Fact(
            cause=PostingCause(CauseKind.OPENING, record.id),
            occurred_at=record.occurred_at,
            booked_at=record.booked_at,
            source=record.source,
            points=record.points,
        )
        for record in (await openings.by_ids(read, row_ids) if row_ids else ())
    ]
