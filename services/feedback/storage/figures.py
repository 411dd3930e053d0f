"""Figures worth watching."""

from collections.abc import Mapping

from sqlalchemy import func, select

from services.feedback.domain.machine import Status
from services.feedback.storage.tables import complaint, remedy, sla_clock
from shared.db import Read
from shared.metrics import Measure

MEASURES = (
    Measure("complaints_open", "Complaints that are not closed."),
    Measure("sla_clocks_armed", "Promises whose time runs and that have something to tell."),
    Measure("sla_clocks_breached_open", "Promises that are late and still not kept."),
    Measure("remedies_overdue", "Remedies whose fate is unknown: loyalty has not answered in time."),
)


async def gauges(read: Read) -> Mapping[str, float]:
    """Complaints that are open, promises that are late, remedies whose fate is unknown."""
    open_ = select(func.count()).select_from(complaint).where(complaint.c.status != Status.CLOSED.value)
    waiting = select(func.count()).select_from(sla_clock).where(sla_clock.c.next_fire_at.is_not(None))
    late = (
        select(func.count())
        .select_from(sla_clock)
        .where(sla_clock.c.verdict == "breached", sla_clock.c.fulfilled_at.is_(None))
    )
    overdue = select(func.count()).select_from(remedy).where(remedy.c.status == "overdue")
    return {
        "complaints_open": float(await read.scalar(open_) or 0),
        "sla_clocks_armed": float(await read.scalar(waiting) or 0),
        "sla_clocks_breached_open": float(await read.scalar(late) or 0),
        "remedies_overdue": float(await read.scalar(overdue) or 0),
    }
