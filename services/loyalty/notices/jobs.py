"""The work that a calendar brings: points come near to their expiry."""

from __future__ import annotations

from collections.abc import Sequence

from services.loyalty.ledger.queries.programme import programme_or_default
from services.loyalty.notices.domain.expiring import windows
from services.loyalty.notices.queries.expiring import identities_to_tell
from services.loyalty.notices.usecases.tell_expiring import tell_expiring
from services.loyalty.settings import Settings
from shared.context import Context
from shared.db import Read
from shared.outbox.due_rows import by_rows

EVERY_SECONDS = 60.0


async def _due(read: Read, context: Context[Settings], limit: int) -> Sequence[str]:
    now = context.clock.now()
    programme = await programme_or_default(read, context)
    return await identities_to_tell(read, windows(programme, now), limit)


TELL_EXPIRING = by_rows("tell_expiring", _due, tell_expiring, every_seconds=EVERY_SECONDS)
"""Tell of points that expire soon."""
