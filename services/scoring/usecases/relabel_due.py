"""Judge again the customers whose timers have run out."""

from collections.abc import Sequence
from zoneinfo import ZoneInfo

from services.scoring.storage import statements, states
from services.scoring.usecases.restate_customers import restate_customers
from shared.db import Tx
from shared.events.base import Cause


async def relabel_due(tx: Tx, customer_ids: Sequence[str], zone: ZoneInfo) -> int:
    """Say anew what holds of those customers whose timer is due; return how many were.

    Who was judged since they were found is left alone: each timer rings once.
    """
    locked = await states.lock_existing(tx, customer_ids)
    said = await statements.of_locked(tx, locked)
    due = {
        customer_id: Cause(kind="time", id=f"rfm:{customer_id}:{statement.sequence}")
        for customer_id, statement in said.items()
        if statement and statement.valid_until and statement.valid_until <= tx.now
    }
    await restate_customers(tx, due, "time", zone)
    return len(due)
