"""The work that an upgrade brings: other services are told what no event has told them."""

from services.profile.people.storage import identities
from services.profile.people.usecases.tell_old_references import tell_old_references
from services.profile.settings import Settings
from shared.context import Context
from shared.db import Read
from shared.outbox.due_rows import by_rows


async def _untold(read: Read, _context: Context[Settings], limit: int) -> list[str]:
    return await identities.untold(read, limit)


TELL_OLD_REFERENCES = by_rows(
    "tell_old_references", _untold, tell_old_references, every_seconds=60, pages_max=1_000
)
