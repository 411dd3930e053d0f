"""The work that time alone brings, and the job that judges all customers again after new cut points, at a limited rate."""

from dataclasses import replace

from services.scoring.facts.queries.customers import next_customers
from services.scoring.labels.domain.statements import RFM
from services.scoring.labels.storage import statements
from services.scoring.labels.usecases.relabel_due import relabel_due
from services.scoring.labels.usecases.sweep_labels import sweep_labels
from services.scoring.models.steps.sweeps import move_sweep_on, unfinished_sweep
from services.scoring.settings import Settings
from shared.context import Context, Runtime
from shared.db import Read
from shared.outbox.due_rows import RowByRow, by_rows

TIMERS_EVERY_SECONDS = 5.0
PAGE_MAX = 1_000
SWEEP_SECONDS = 2.0
"""The interval of the job; with the rate in the settings it determines how many customers one run judges."""


async def sweep(runtime: Runtime[Settings]) -> int:
    """Continue a sweep, at most as fast as the settings allow; return how many customers were judged.

    A customer who cannot be judged is passed over, until the next sweep.
    """
    allowed = int(runtime.settings.sweep_per_second * SWEEP_SECONDS)
    rows = RowByRow(runtime, "sweep_labels", sweep_labels)
    while allowed > 0:
        limit = min(PAGE_MAX, allowed)
        async with runtime.database.read() as read:
            under_way = await unfinished_sweep(read, RFM)
            found = (
                [] if under_way is None else await next_customers(read, under_way.after_customer_id, limit)
            )
        if under_way is None:
            break
        if not under_way.after_customer_id:
            rows.forget_besides(())
        if found:
            await rows.do(found)
        async with runtime.database.begin() as tx:
            finished_at = None if len(found) == limit else tx.now
            last = found[-1] if found else ""
            await move_sweep_on(tx, replace(under_way, after_customer_id=last, finished_at=finished_at))
        allowed -= limit
    return rows.ended()


async def _timers_due(read: Read, context: Context[Settings], limit: int) -> list[str]:
    return await statements.due(read, context.clock.now(), limit)


RELABEL_DUE = by_rows("relabel_due", _timers_due, relabel_due, every_seconds=TIMERS_EVERY_SECONDS)
