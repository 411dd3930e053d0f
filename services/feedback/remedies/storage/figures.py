"""The figures of remedies that operators watch."""

from collections.abc import Sequence

from sqlalchemy import func, select

from services.feedback.remedies.domain import RemedyStatus
from services.feedback.remedies.storage.tables import remedy
from shared.db import Read
from shared.metrics import Measure, Sample

OVERDUE = Measure("remedies_overdue", "Remedies whose fate is unknown: loyalty has not answered in time.")
MEASURES = (OVERDUE,)


async def gauges(read: Read) -> Sequence[Sample]:
    """Count the remedies that wait for an answer beyond their deadline."""
    overdue = select(func.count()).select_from(remedy).where(remedy.c.status == RemedyStatus.OVERDUE.value)
    return (OVERDUE.of(await read.scalar(overdue) or 0),)
