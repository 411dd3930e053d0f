"""The figures of complaints that operators watch."""

from collections.abc import Sequence

from sqlalchemy import func, select

from services.feedback.complaints.domain.machine import ComplaintStatus
from services.feedback.complaints.storage.tables import complaint
from shared.db import Read
from shared.metrics import Measure, Sample

OPEN = Measure("complaints_open", "Complaints that are not closed.")
MEASURES = (OPEN,)


async def gauges(read: Read) -> Sequence[Sample]:
    """Count the complaints that are not closed."""
    not_closed = (
        select(func.count()).select_from(complaint).where(complaint.c.status != ComplaintStatus.CLOSED.value)
    )
    return (OPEN.of(await read.scalar(not_closed) or 0),)
