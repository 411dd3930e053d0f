"""Find members whose points expire soon, and who were not told."""

from __future__ import annotations

from collections.abc import Sequence

from services.loyalty.notices.domain.expiring import Window
from services.loyalty.notices.storage import notices
from shared.db import Read


async def identities_to_tell(read: Read, windows: Sequence[Window], limit: int) -> list[str]:
    """Return at most `limit` identities with points of a day that was not told with its lead time."""
    found: dict[str, None] = {}
    for window in windows:
        found |= dict.fromkeys(
            await notices.identities_with_untold(read, window.lead_days, window.after, window.until, limit)
        )
    return list(found)[:limit]
