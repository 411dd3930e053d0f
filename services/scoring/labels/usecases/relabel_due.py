"""Judge again the customers whose timers are due."""

from collections.abc import Sequence

from services.scoring.facts.steps.states import lock_existing_states
from services.scoring.labels.steps.restate_customers import restate_customers
from services.scoring.labels.steps.statements import statements_of_locked
from services.scoring.settings import Settings
from shared.context import Context
from shared.db import Tx
from shared.events.base import Cause


async def relabel_due(tx: Tx, context: Context[Settings], customer_ids: Sequence[str]) -> int:
    """Judge these customers, whose timers are due; return how many were judged.

    Customers that were judged since they were found are left alone: each timer acts once.
    """
    locked = await lock_existing_states(tx, customer_ids)
    due = {
        customer_id: Cause(kind="time", id=f"rfm:{customer_id}:{statement.label_sequence}")
        for customer_id, statement in (await statements_of_locked(tx, locked)).items()
        if statement and statement.valid_until and statement.valid_until <= tx.now
    }
    await restate_customers(tx, context, due, "time")
    return len(due)
