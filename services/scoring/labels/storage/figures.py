"""Figures of the labels for operators."""

from collections.abc import Sequence

from sqlalchemy import func, select

from services.scoring.labels.storage.tables import score
from shared.db import Read
from shared.metrics import Measure, Sample

TIMERS = Measure("scoring_timers", "Scores that will change by time alone.")
MEASURES = (TIMERS,)


async def gauges(read: Read) -> Sequence[Sample]:
    """Count the statements that have a timer."""
    timers = await read.scalar(select(func.count()).where(score.c.valid_until.is_not(None)))
    return (TIMERS.of(timers or 0),)
