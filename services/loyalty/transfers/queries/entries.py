"""The transfers in the lists of both members' ledgers."""

from __future__ import annotations

from collections.abc import Iterable

from services.loyalty.ledger.domain.entries import Fact
from services.loyalty.ledger.domain.postings import CauseKind, PostingCause
from services.loyalty.transfers.storage import transfers
from shared.db import Read


async def facts(read: Read, causes: Iterable[PostingCause]) -> list[Fact]:
    """Return those of these facts that are transfers."""
    row_ids = [cause.id for cause in causes if cause.kind is CauseKind.TRANSFER]
    return [
        Fact(
            cause=PostingCause(CauseKind.TRANSFER, record.id),
            occurred_at=record.occurred_at,
            booked_at=record.booked_at,
            points=record.points,
        )
        for record in (await transfers.by_ids(read, row_ids) if row_ids else ())
    ]
