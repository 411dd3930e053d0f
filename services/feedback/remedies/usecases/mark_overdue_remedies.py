"""Loyalty's answer is late: the fate of the remedy is unknown, and an operator may announce it again."""

from collections.abc import Sequence

from services.feedback.complaints.steps.lock_complaints import lock_rows
from services.feedback.complaints.steps.mark_updated import mark_updated
from services.feedback.remedies.storage import remedies
from services.feedback.settings import Settings
from shared.context import Context
from shared.db import Tx


async def mark_overdue_remedies(tx: Tx, _context: Context[Settings], remedy_ids: Sequence[str]) -> int:
    """Mark those of these remedies as overdue that are still granted; return their number."""
    granted = await remedies.granted(tx, remedy_ids)
    if granted:
        await lock_rows(tx, granted.values())
        await remedies.mark_overdue(tx, sorted(granted))
        await mark_updated(tx, granted.values())
    return len(granted)
