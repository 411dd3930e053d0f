"""The jobs that judge customers again: when their time has come, and after new cut points."""

from zoneinfo import ZoneInfo

from services.scoring.settings import Settings
from services.scoring.storage import statements
from services.scoring.usecases.relabel_due import relabel_due
from services.scoring.usecases.sweep_labels import sweep_labels
from shared.service import Parts

PAGE_MAX = 500
PAGES_MAX = 200
SWEEP_PAGE_MAX = 1_000
SWEEP_SECONDS = 2.0
"""How often the sweep goes on; with the settings' rate it says how far it gets each time."""


async def ring(parts: Parts) -> int:
    """Judge the customers whose timers have run out, in pages; return how many."""
    rung = 0
    for _ in range(PAGES_MAX):
        async with parts.database.read() as read:
            due = await statements.due(read, parts.clock.now(), PAGE_MAX)
        if not due:
            break
        async with parts.database.begin() as tx:
            rung += await relabel_due(tx, due, ZoneInfo(parts.settings.zone))
    return rung


async def sweep(parts: Parts) -> int:
    """Go on with a sweep, at most as fast as the settings allow; return how many customers were looked at."""
    assert isinstance(parts.settings, Settings)
    allowed = int(parts.settings.sweep_per_second * SWEEP_SECONDS)
    swept = 0
    while swept < allowed:
        async with parts.database.begin() as tx:
            looked_at = await sweep_labels(
                tx, min(SWEEP_PAGE_MAX, allowed - swept), ZoneInfo(parts.settings.zone)
            )
        swept += looked_at
        if not looked_at:
            break
    return swept
