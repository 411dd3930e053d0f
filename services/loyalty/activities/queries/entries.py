"""The activities and their reversals in the list of a member's ledger."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from services.loyalty.activities.storage import activities
from services.loyalty.activities.storage.tables import ActivityRecord, ReversalRecord
from services.loyalty.ledger.domain.entries import ActivityOfEntry, EntryKey, Fact
from services.loyalty.ledger.domain.postings import CauseKind, PostingCause
from shared.db import Read, Slice


async def silent(read: Read, wallet_ids: Sequence[int], asked: Slice) -> list[EntryKey]:
    """Return a page of the activities that moved no points, and one of such reversals."""
    done = await activities.silent(read, wallet_ids, asked)
    reversed_ = await activities.silent_reversals(read, wallet_ids, asked)
    return [EntryKey(row_id, PostingCause(CauseKind.ACTIVITY, row_id)) for row_id in done] + [
        EntryKey(row_id, PostingCause(CauseKind.ACTIVITY_REVERSAL, row_id)) for row_id in reversed_
    ]


async def facts(read: Read, causes: Iterable[PostingCause]) -> list[Fact]:
    """Return those of these facts that are activities or their reversals."""
    wanted = list(causes)
    done = [cause.id for cause in wanted if cause.kind is CauseKind.ACTIVITY]
    taken = [cause.id for cause in wanted if cause.kind is CauseKind.ACTIVITY_REVERSAL]
    reversals = await activities.reversals_by_ids(read, taken) if taken else []
    row_ids = [*done, *(record.activity_id for record in reversals)]
    known = {record.id: record for record in (await activities.by_ids(read, row_ids) if row_ids else ())}
    return [
        *[_activity(known[row_id]) for row_id in done if row_id in known],
        *[_reversal(record, known[record.activity_id]) for record in reversals],
    ]


def _activity(record: ActivityRecord) -> Fact:
    return Fact(
        cause=PostingCause(CauseKind.ACTIVITY, record.id),
        occurred_at=record.occurred_at,
        booked_at=record.booked_at,
        outcome=record.outcome,
        activity=ActivityOfEntry(record.id, record.kind),
    )


def _reversal(record: ReversalRecord, reversed_: ActivityRecord) -> Fact:
    return Fact(
        cause=PostingCause(CauseKind.ACTIVITY_REVERSAL, record.id),
        occurred_at=record.occurred_at,
        booked_at=record.booked_at,
        activity=ActivityOfEntry(reversed_.id, reversed_.kind),
    )
