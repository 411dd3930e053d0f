"""What time alone brings, one page per transaction."""

from services.feedback.settings import Settings
from services.feedback.usecases.bury_unknown_remedies import bury_unknown_remedies
from services.feedback.usecases.fire_clocks import fire_clocks
from services.feedback.usecases.mark_overdue_remedies import mark_overdue_remedies
from shared.context import Context
from shared.db import Tx


async def fire_due_clocks(tx: Tx, context: Context[Settings]) -> int:
    """Fire a page of clocks that have something to tell; return how many complaints had one."""
    return await fire_clocks(tx, grace=context.settings.sla_grace)


async def mark_remedies(tx: Tx, _context: Context[Settings]) -> int:
    """Mark a page of remedies whose answer is late."""
    return await mark_overdue_remedies(tx)


async def bury_answers(tx: Tx, context: Context[Settings]) -> int:
    """Set a page of answers aside as dead whose remedy never turned up."""
    return await bury_unknown_remedies(tx, context.vault)
