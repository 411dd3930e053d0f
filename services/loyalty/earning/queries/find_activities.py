"""Find activities that a caller may know of, with the points that they brought."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from services.loyalty.activities.queries import activities
from services.loyalty.activities.queries.activities import ActivityRecord, ActivitySelection
from services.loyalty.activities.refusals import ActivityNotFound
from services.loyalty.earning.storage import completions
from services.loyalty.ledger.domain.postings import CauseKind
from services.loyalty.ledger.queries import lots
from services.loyalty.ledger.queries.known_to import customers_shown, may_know
from shared.auth.principal import Principal
from shared.db import Read, Slice


@dataclass(frozen=True, slots=True)
class FoundActivity:
    """An activity, the points that rules and goals granted for it, and when it was reversed (None: it was not)."""

    record: ActivityRecord
    customer_id: str
    """The customer that the caller is shown."""
    points: int
    reversed_at: datetime | None


async def admit(read: Read, caller: Principal, row_id: int | None) -> ActivityRecord:
    """Return the row of an activity, if the caller may know of it. Raises ActivityNotFound.

    A customer may know of their own, a partner of those that it reported.
    """
    records = [] if row_id is None else await activities.by_ids(read, [row_id])
    if not records or not await may_know(read, caller, records[0]):
        raise ActivityNotFound
    return records[0]


async def list_activities(
    read: Read, caller: Principal, selection: ActivitySelection, asked: Slice
) -> list[FoundActivity]:
    """Return a page of the activities that a selection names."""
    return await shown(read, caller, await activities.page(read, selection, asked))


async def shown(read: Read, caller: Principal, records: Sequence[ActivityRecord]) -> list[FoundActivity]:
    """Return these activities as a caller is shown them."""
    if not records:
        return []
    row_ids = [record.id for record in records]
    points = Counter[int]()
    for lot in await lots.of_activities(read, row_ids):
        points[lot.activity_id or 0] += lot.issued
    completed = await completions.of_causes(read, CauseKind.ACTIVITY, row_ids)
    issued = {lot.id: lot.issued for lot in await lots.by_ids(read, [row.lot_id for row in completed])}
    for row in completed:
        points[row.cause_id] += issued[row.lot_id]
    reversals = await activities.reversals_of(read, row_ids)
    customer_of = await customers_shown(read, caller, records)
    return [
        FoundActivity(
            record,
            customer_of[record.identity_id],
            points[record.id],
            reversals[record.id].occurred_at if record.id in reversals else None,
        )
        for record in records
    ]
