"""Loyalty's answer is late: the fate of the remedy is unknown, and an operator may announce it again."""

from typing import Final

from services.feedback.complaints.steps.lock_complaints import lock_rows
from services.feedback.complaints.steps.mark_updated import mark_updated
from services.feedback.remedies.storage import remedies
from services.feedback.settings import Settings
from shared.context import Context
from shared.db import Tx

PAGE_MAX: Final = 500


async def mark_overdue_remedies(tx: Tx, _context: Context[Settings]) -> int:
    """Mark a page of granted remedies whose deadline has passed as overdue; return their number."""
    due = await remedies.due(tx, PAGE_MAX)
    if due:
        await lock_rows(tx, due.values())
        await remedies.mark_overdue(tx, sorted(due))
        await mark_updated(tx, due.values())
    return len(due)
