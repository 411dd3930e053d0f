"""Figures worth watching."""

from collections.abc import Mapping

from sqlalchemy import func, select

from services.scoring.storage.tables import customer_state, fit, score
from shared.db import Read
from shared.metrics import Measure

MEASURES = (
    Measure("scoring_customers", "Customers with a state."),
    Measure("scoring_timers", "Scores that will change by time alone."),
    Measure("scoring_fits_waiting", "Fits of a model that wait or run."),
)


async def gauges(read: Read) -> Mapping[str, float]:
    """Customers with a state, timers that are set, fits that wait."""
    customers = await read.scalar(select(func.count()).select_from(customer_state))
    timers = await read.scalar(select(func.count()).where(score.c.valid_until.is_not(None)))
    waiting = await read.scalar(select(func.count()).where(fit.c.status.in_(("queued", "running"))))
    return {
        "scoring_customers": float(customers or 0),
        "scoring_timers": float(timers or 0),
        "scoring_fits_waiting": float(waiting or 0),
    }
