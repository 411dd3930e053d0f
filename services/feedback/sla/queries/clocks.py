"""The clocks of complaints and the notices about them, for other capabilities to read."""

from datetime import datetime

from services.feedback.sla.domain.policy import Metric
from services.feedback.sla.storage import clocks, rules
from services.feedback.sla.storage.clocks import of_complaints as clocks_of_complaints
from services.feedback.sla.storage.tables import ClockEventRecord, ClockRecord
from shared.db import Read

__all__ = [
    "ClockEventRecord",
    "ClockRecord",
    "clocks_of_complaints",
    "complaints_named",
    "due",
    "notices_of",
    "rules_applied",
    "waiting_since",
]

RESPONSES = frozenset({Metric.FIRST_RESPONSE.value, Metric.NEXT_RESPONSE.value})


async def due(read: Read, until: datetime, limit: int) -> list[str]:
    """Return the complaints of which a clock gives a notice by `until`, the longest waiting first."""
    return await clocks.due(read, until, limit)


async def rules_applied(read: Read, at: datetime) -> int:
    """Return the number of versions of policies and calendars that have moved running clocks by an instant."""
    return await rules.count_applied(read, at)


async def complaints_named(read: Read, after: str, until: str | None, limit: int) -> list[str]:
    """Return the complaints that clocks or notices name, by id: those above `after` and up to `until` (None: all)."""
    return await clocks.complaints_named(read, after, until, limit)


async def waiting_since(read: Read, complaint_id: str) -> datetime | None:
    """Return the start of the earliest clock that runs for an unanswered message; None if none runs."""
    started = [
        clock.started_at
        for clock in await clocks_of_complaints(read, [complaint_id])
        if clock.metric in RESPONSES and clock.fulfilled_at is None and clock.cancelled_reason is None
    ]
    return min(started, default=None)


async def notices_of(read: Read, complaint_id: str) -> list[ClockEventRecord]:
    """Return the notices about a complaint's clocks, in the order in which their reasons occurred."""
    return await clocks.history(read, complaint_id)
