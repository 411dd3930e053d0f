"""Read the draft of the programme."""

from __future__ import annotations

from services.loyalty.programme.refusals import DraftNotFound
from services.loyalty.programme.storage import drafts
from services.loyalty.programme.storage.tables import ProgrammeDraftRecord
from shared.db import Read

__all__ = ["ProgrammeDraftRecord", "find_draft"]


async def find_draft(read: Read) -> ProgrammeDraftRecord:
    """Return the draft. Raises DraftNotFound."""
    draft = await drafts.find(read)
    if draft is None:
        raise DraftNotFound
    return draft
