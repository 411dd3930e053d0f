"""Figures of complaints for operators to watch."""

from collections.abc import Sequence

from sqlalchemy import func, select

from services.feedback.domain.machine import Status
from services.feedback.storage.tables import complaint, remedy, sla_clock
from shared.db import Read
from shared.metrics import Measure, Sample

OPEN = Measure("complaints_open", "Complaints that are not closed.")
ARMED = Measure("sla_clocks_armed", "Promises whose time runs and that have something to tell.")
BREACHED = Measure("sla_clocks_breached_open", "Promises that are late and still not kept.")
OVERDUE = Measure("remedies_overdue", "Remedies whose fate is unknown: loyalty has not answered in time.")
MEASURES = (OPEN, ARMED, BREACHED, OVERDUE)


async def gauges(read: Read) -> Sequence[Sample]:
    """Count open complaints, promises that run or are late, and remedies without an answer."""
    open_ = select(func.count()).select_from(complaint).where(complaint.c.status != Status.CLOSED.value)
    waiting = select(func.count()).select_from(sla_clock).where(sla_clock.c.next_fire_at.is_not(None))
    late = (
        select(func.count())
        .select_from(sla_clock)
        .where(sla_clock.c.verdict == "breached", sla_clock.c.fulfilled_at.is_(None))
    )
    overdue = select(func.count()).select_from(remedy).where(remedy.c.status == "overdue")
    return (
        OPEN.of(await read.scalar(open_) or 0),
        ARMED.of(await read.scalar(waiting) or 0),
        BREACHED.of(await read.scalar(late) or 0),
        OVERDUE.of(await read.scalar(overdue) or 0),
    )
