"""What time alone brings, a page a transaction."""

from typing import cast

from services.feedback.settings import Settings
from services.feedback.usecases.bury_unknown_remedies import bury_unknown_remedies
from services.feedback.usecases.fire_clocks import PAGE_MAX, fire_clocks
from services.feedback.usecases.mark_overdue_remedies import mark_overdue_remedies
from shared.service import Parts


async def fire_due_clocks(parts: Parts) -> int:
    """Fire every clock that has something to tell; returns how many complaints had one."""
    grace = cast(Settings, parts.settings).sla_grace
    fired = 0
    while True:
        async with parts.database.begin() as tx:
            page = await fire_clocks(tx, grace=grace)
        fired += page
        if page < PAGE_MAX:
            return fired


async def mark_remedies(parts: Parts) -> int:
    """Mark every remedy whose answer is late."""
    marked = 0
    while True:
        async with parts.database.begin() as tx:
            page = await mark_overdue_remedies(tx)
        marked += page
        if page == 0:
            return marked


async def bury_answers(parts: Parts) -> int:
    """Bury answers whose remedy never turned up."""
    async with parts.database.begin() as tx:
        return await bury_unknown_remedies(tx, parts.vault)
