"""The statements behind the figures of purchases."""

from collections.abc import Sequence

from services.profile.purchases.storage.purchases import count_anonymous
from shared.db import Read
from shared.metrics import Measure, Sample

ANONYMOUS = Measure("purchases_anonymous", "Purchases without a customer that nobody has claimed.")
MEASURES = (ANONYMOUS,)


async def gauges(read: Read) -> Sequence[Sample]:
    """Count the anonymous purchases."""
    return [ANONYMOUS.of(float(await count_anonymous(read)))]
