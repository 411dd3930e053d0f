"""The notices about clocks in a case file."""

from datetime import datetime

from services.feedback.sla.domain.policy import Metric
from services.feedback.sla.domain.verdict import NoticeKind, NoticeReason
from services.feedback.sla.queries import clocks
from shared.db import Read
from shared.http.models import Response


class ClockEventOut(Response):
    """A notice about a clock, with the versions of the policy and the calendar that it follows."""

    metric: Metric
    cycle: int
    ordinal: int
    kind: NoticeKind
    level: int
    occurred_at: datetime
    detected_at: datetime
    reason: NoticeReason
    due_at: datetime
    policy_id: str
    policy_version: int
    calendar_id: str
    calendar_version: int


async def show_clock_events(read: Read, complaint_id: str) -> list[ClockEventOut]:
    """Return the notices about a complaint's clocks."""
    return [
        ClockEventOut(
            metric=Metric(notice.metric),
            cycle=notice.cycle,
            ordinal=notice.ordinal,
            kind=NoticeKind(notice.kind),
            level=notice.level,
            occurred_at=notice.occurred_at,
            detected_at=notice.detected_at,
            reason=NoticeReason(notice.reason),
            due_at=notice.due_at,
            policy_id=notice.policy_id,
            policy_version=notice.policy_version,
            calendar_id=notice.calendar_id,
            calendar_version=notice.calendar_version,
        )
        for notice in await clocks.notices_of(read, complaint_id)
    ]
