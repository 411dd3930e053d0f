"""The remedies in the list of a member's ledger."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from services.loyalty.ledger.domain.entries import EntryKey, Fact
from services.loyalty.ledger.domain.postings import CauseKind, PostingCause
from services.loyalty.remedies.storage import remedies
from shared.db import Read, Slice


async def silent(read: Read, wallet_ids: Sequence[int], asked: Slice) -> list[EntryKey]:
    """Return a page of the remedies that were refused."""
    row_ids = await remedies.silent(read, wallet_ids, asked)
    return [EntryKey(row_id, PostingCause(CauseKind.REMEDY, row_id)) for row_id in row_ids]


async def facts(read: Read, causes: Iterable[PostingCause]) -> list[Fact]:
    """Return those of these facts that are remedies."""
    row_ids = [cause.id for cause in causes if cause.kind is CauseKind.REMEDY]
    return [
        Fact(
            cause=PostingCause(CauseKind.REMEDY, record.id),
            occurred_at=record.occurred_at,
            booked_at=record.booked_at,
            outcome=record.refusal,
            remedy_id=record.remedy_id,
            points=record.points,
        )
        for record in (await remedies.by_ids(read, row_ids) if row_ids else ())
    ]
