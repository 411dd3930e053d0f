"""The job that judges all customers again after new cut points, at a limited rate."""

from services.scoring.labels.usecases.sweep_labels import sweep_labels
from services.scoring.settings import Settings
from shared.context import Runtime

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
