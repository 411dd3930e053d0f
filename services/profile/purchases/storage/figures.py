"""The statements behind the figures of purchases."""

from collections.abc import Sequence

from sqlalchemy import func, select

from services.profile.purchases.storage.tables import purchase
from shared.db import Read
from shared.metrics import Measure, Sample

ANONYMOUS = Measure("purchases_anonymous", "Purchases without a customer that nobody has claimed.")
MEASURES = (ANONYMOUS,)


async def gauges(read: Read) -> Sequence[Sample]:
    """Count the anonymous purchases."""
    anonymous = select(func.count()).where(purchase.c.identity_id.is_(None))
    return (ANONYMOUS.of(await read.scalar(anonymous) or 0),)
