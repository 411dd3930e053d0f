"""The clocks of complaints and the notices about them, for other capabilities to read."""

from datetime import datetime

from services.feedback.sla.domain.policy import Metric
from services.feedback.sla.storage.clocks import complaints_named, due
from services.feedback.sla.storage.clocks import history as notices_of
from services.feedback.sla.storage.clocks import of_complaints as clocks_of_complaints
from services.feedback.sla.storage.rules import count_applied as rules_applied
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


async def waiting_since(read: Read, complaint_id: str) -> datetime | None:
    """Return the start of the earliest clock that runs for an unanswered message; None if none runs."""
    started = [
        clock.started_at
        for clock in await clocks_of_complaints(read, [complaint_id])
        if clock.metric in RESPONSES and clock.fulfilled_at is None and clock.cancelled_reason is None
    ]
    return min(started, default=None)
