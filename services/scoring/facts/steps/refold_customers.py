"""Fold customers' states again from the day roll-ups of their identities."""

from collections.abc import Collection

from services.scoring.facts.domain.state import fold
from services.scoring.facts.steps.states import write_states
from services.scoring.facts.storage import rollups
from shared.db import Tx


async def refold_customers(tx: Tx, customer_ids: Collection[str]) -> None:
    """Replace the states of these locked customers by the fold of all their day roll-ups."""
    if not customer_ids:
        return
    days = await rollups.of_customers(tx, sorted(customer_ids))
    await write_states(tx, {customer_id: fold(days_of_one) for customer_id, days_of_one in days.items()})
