"""Read activities and what was taken back of them."""

from __future__ import annotations

from collections.abc import Sequence

from services.loyalty.activities.domain.facts import THE_UNIT
from services.loyalty.activities.storage import activities
from services.loyalty.activities.storage.activities import (
    SORTS,
    ActivitySelection,
    by_ids,
    find_rows,
    of_versions_before,
    page,
    reversals_of,
)
from services.loyalty.activities.storage.tables import ActivityRecord, ReversalRecord
from services.loyalty.purchases.domain.facts import UnitRange
from shared.db import Read
from shared.vault import Numbers

__all__ = [
    "SORTS",
    "ActivityRecord",
    "ActivitySelection",
    "ReversalRecord",
    "activity_named",
    "by_ids",
    "find_rows",
    "id_of_activity",
    "of_versions_before",
    "page",
    "reversals_of",
    "taken_back",
]

_ACTIVITY = "act"


async def taken_back(read: Read, row_ids: Sequence[int]) -> dict[int, list[UnitRange]]:
    """Return what went back of those of these activities (row ids) that were reversed: their one unit."""
    return {row_id: [*THE_UNIT] for row_id in await activities.reversals_of(read, row_ids)} if row_ids else {}


def id_of_activity(numbers: Numbers, number: int) -> str:
    """Return the id of an activity."""
    return numbers.name(_ACTIVITY, number)


def activity_named(numbers: Numbers, text: str) -> int | None:
    """Return the row of the activity that an id names; None if it names none."""
    return numbers.number(_ACTIVITY, text)
