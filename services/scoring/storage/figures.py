"""Figures of scores for operators to watch."""

from collections.abc import Sequence

from sqlalchemy import func, select

from services.scoring.storage.tables import customer_state, fit, score
from shared.db import Read
from shared.metrics import Measure, Sample

CUSTOMERS = Measure("scoring_customers", "Customers with a state.")
TIMERS = Measure("scoring_timers", "Scores that will change by time alone.")
FITS_WAITING = Measure("scoring_fits_waiting", "Fits of a model that wait or run.")
MEASURES = (CUSTOMERS, TIMERS, FITS_WAITING)


async def gauges(read: Read) -> Sequence[Sample]:
    """Count customers with a state, scores that have a timer, and fits that wait."""
    customers = await read.scalar(select(func.count()).select_from(customer_state))
    timers = await read.scalar(select(func.count()).where(score.c.valid_until.is_not(None)))
    waiting = await read.scalar(select(func.count()).where(fit.c.status.in_(("queued", "running"))))
    return (CUSTOMERS.of(customers or 0), TIMERS.of(timers or 0), FITS_WAITING.of(waiting or 0))
