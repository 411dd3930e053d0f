"""Figures of the models for operators."""

from collections.abc import Sequence

from sqlalchemy import func, select

from services.scoring.models.storage.tables import fit
from shared.db import Read
from shared.metrics import Measure, Sample

FITS_WAITING = Measure("scoring_fits_waiting", "Fits of a model that wait or run.")
MEASURES = (FITS_WAITING,)


async def gauges(read: Read) -> Sequence[Sample]:
    """Count the fits that wait or run."""
    waiting = await read.scalar(select(func.count()).where(fit.c.status.in_(("queued", "running"))))
    return (FITS_WAITING.of(waiting or 0),)
