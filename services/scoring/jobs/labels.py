"""The jobs that judge customers again: when their time has come, and after new cut points."""

from services.scoring.settings import Settings
from services.scoring.storage import statements
from services.scoring.usecases.relabel_due import relabel_due
from services.scoring.usecases.sweep_labels import sweep_labels
from shared.context import Context, Runtime
from shared.db import Tx

PAGE_MAX = 500
SWEEP_PAGE_MAX = 1_000
SWEEP_SECONDS = 2.0
"""How often the sweep goes on; with the settings' rate it says how far it gets each time."""


async def ring(tx: Tx, context: Context[Settings]) -> int:
    """Judge a page of customers whose timers have run out; return how many."""
    due = await statements.due(tx, tx.peek(), PAGE_MAX)
    return await relabel_due(tx, due, context.settings.time_zone) if due else 0


async def sweep(runtime: Runtime[Settings]) -> int:
    """Go on with a sweep, at most as fast as the settings allow; return how many customers were looked at."""
    allowed = int(runtime.settings.sweep_per_second * SWEEP_SECONDS)
    swept = 0
    while swept < allowed:
        async with runtime.database.begin() as tx:
            looked_at = await sweep_labels(
                tx, min(SWEEP_PAGE_MAX, allowed - swept), runtime.settings.time_zone
            )
        swept += looked_at
        if not looked_at:
            break
    return swept
