"""Loyalty's answer is late: the remedy's fate is unknown, and an operator may ask again."""

from typing import Final

from services.feedback.storage import remedies
from shared.db import Tx

PAGE_MAX: Final = 500


async def mark_overdue_remedies(tx: Tx) -> int:
    """Mark a page of granted remedies whose deadline has passed as overdue; return how many."""
    return await remedies.mark_overdue(tx, PAGE_MAX)
