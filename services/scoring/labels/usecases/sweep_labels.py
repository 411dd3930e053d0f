"""Judge all customers again after new cut points were published, page by page."""

from dataclasses import replace

from services.scoring.facts.queries.customers import next_customers
from services.scoring.facts.steps.states import lock_existing_states
from services.scoring.labels.domain.statements import RFM
from services.scoring.labels.steps.restate_customers import restate_customers
from services.scoring.models.steps.sweeps import unfinished_sweep, write_sweep
from services.scoring.settings import Settings
from shared.context import Context
from shared.db import Tx
from shared.events.base import Cause


async def sweep_labels(tx: Tx, context: Context[Settings], limit: int) -> int:
    """Judge the next `limit` customers; return how many were judged, 0 when no sweep is under way."""
    sweep = await unfinished_sweep(tx, RFM)
    if sweep is None:
        return 0
    customer_ids = await next_customers(tx, sweep.after_customer_id, limit)
    locked = await lock_existing_states(tx, customer_ids)
    cause = Cause(kind="model", id=f"rfm:{sweep.version}")
    await restate_customers(tx, context, dict.fromkeys(locked, cause), "model")
    finished_at = None if len(customer_ids) == limit else tx.now
    last = customer_ids[-1] if customer_ids else ""
    await write_sweep(tx, replace(sweep, after_customer_id=last, finished_at=finished_at))
    return len(customer_ids)
