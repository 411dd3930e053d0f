"""After new cut points were published, judge all customers again, page by page."""

from dataclasses import replace
from zoneinfo import ZoneInfo

from services.scoring.domain.statements import RFM
from services.scoring.storage import states, sweeps
from services.scoring.usecases.restate_customers import restate_customers
from shared.db import Tx
from shared.events.base import Cause


async def sweep_labels(tx: Tx, limit: int, zone: ZoneInfo) -> int:
    """Judge the next `limit` customers; return how many were looked at, 0 when there is nothing to sweep."""
    sweep = await sweeps.unfinished(tx, RFM)
    if sweep is None:
        return 0
    page = await states.page_of_ids(tx, sweep.after_customer_id, limit)
    locked = await states.lock_existing(tx, page)
    cause = Cause(kind="model", id=f"rfm:{sweep.version}")
    await restate_customers(tx, dict.fromkeys(locked, cause), "model", zone)
    finished = None if len(page) == limit else tx.now
    await sweeps.write(tx, replace(sweep, after_customer_id=page[-1] if page else "", finished_at=finished))
    return len(page)
