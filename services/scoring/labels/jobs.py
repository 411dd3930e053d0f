"""The work that time alone brings, and the job that judges all customers again after new cut points, at a limited rate."""

from services.scoring.labels.storage import statements
from services.scoring.labels.usecases.relabel_due import relabel_due
from services.scoring.labels.usecases.sweep_labels import sweep_labels
from services.scoring.settings import Settings
from shared.context import Context, Runtime
from shared.db import Read
from shared.outbox.due_rows import by_rows

TIMERS_EVERY_SECONDS = 5.0
PAGE_MAX = 1_000
SWEEP_SECONDS = 2.0
"""The interval of the job; with the rate in the settings it determines how many customers one run judges."""


async def sweep(runtime: Runtime[Settings]) -> int:
    """Continue a sweep, at most as fast as the settings allow; return how many customers were judged."""
    allowed = int(runtime.settings.sweep_per_second * SWEEP_SECONDS)
    swept = 0
    while swept < allowed:
        async with runtime.database.begin() as tx:
            judged = await sweep_labels(tx, runtime.context, min(PAGE_MAX, allowed - swept))
        swept += judged
        if not judged:
            break
    return swept


async def _timers_due(read: Read, context: Context[Settings], limit: int) -> list[str]:
    return await statements.due(read, context.clock.now(), limit)


RELABEL_DUE = by_rows("relabel_due", _timers_due, relabel_due, every_seconds=TIMERS_EVERY_SECONDS)
