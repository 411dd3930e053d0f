"""Fold customers' states again from the day roll-ups of their identities."""

from collections.abc import Collection

from services.scoring.domain.state import fold
from services.scoring.storage import facts, states
from shared.db import Tx


async def refold_customers(tx: Tx, customer_ids: Collection[str]) -> None:
    """Replace the states of these locked customers by the fold of what is known."""
    if not customer_ids:
        return
    rollups = await facts.rollups_of(tx, sorted(customer_ids))
    await states.write(tx, {customer_id: fold(days) for customer_id, days in rollups.items()})
