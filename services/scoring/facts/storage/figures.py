"""Figures of the facts for operators."""

from collections.abc import Sequence

from sqlalchemy import func, select

from services.scoring.facts.storage.tables import customer_state
from shared.db import Read
from shared.metrics import Measure, Sample

CUSTOMERS = Measure("scoring_customers", "Customers with a state.")
MEASURES = (CUSTOMERS,)


async def gauges(read: Read) -> Sequence[Sample]:
    """Count the customers with a state."""
    customers = await read.scalar(select(func.count()).select_from(customer_state))
    return (CUSTOMERS.of(customers or 0),)
