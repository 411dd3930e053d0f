"""The figures of clocks that operators watch."""

from collections.abc import Sequence

from sqlalchemy import func, select

from services.feedback.sla.domain.verdict import Verdict
from services.feedback.sla.storage.tables import sla_clock
from shared.db import Read
from shared.metrics import Measure, Sample

ARMED = Measure("sla_clocks_armed", "Promises whose time runs and that have something to tell.")
BREACHED = Measure("sla_clocks_breached_open", "Promises that are late and still not kept.")
MEASURES = (ARMED, BREACHED)


async def gauges(read: Read) -> Sequence[Sample]:
    """Count the clocks that will give a notice, and those that are late and not fulfilled."""
    armed = select(func.count()).select_from(sla_clock).where(sla_clock.c.next_fire_at.is_not(None))
    breached = (
        select(func.count())
        .select_from(sla_clock)
        .where(sla_clock.c.verdict == Verdict.BREACHED.value, sla_clock.c.fulfilled_at.is_(None))
    )
    return (ARMED.of(await read.scalar(armed) or 0), BREACHED.of(await read.scalar(breached) or 0))
