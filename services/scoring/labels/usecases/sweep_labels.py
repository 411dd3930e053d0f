"""Judge customers again after new cut points were published."""

from collections.abc import Sequence

from services.scoring.facts.steps.states import lock_existing_states
from services.scoring.labels.domain.statements import RFM
from services.scoring.labels.steps.restate_customers import restate_customers
from services.scoring.models.steps.sweeps import unfinished_sweep
from services.scoring.settings import Settings
from shared.context import Context
from shared.db import Tx
from shared.events.base import Cause


async def sweep_labels(tx: Tx, context: Context[Settings], customer_ids: Sequence[str]) -> int:
    """Judge these customers; return how many there are, 0 when no sweep is under way."""
    sweep = await unfinished_sweep(tx, RFM)
    if sweep is None:
        return 0
    locked = await lock_existing_states(tx, customer_ids)
    cause = Cause(kind="model", id=f"rfm:{sweep.version}")
    await restate_customers(tx, context, dict.fromkeys(locked, cause), "model")
    return len(customer_ids)
