"""Read drafts of rulebooks."""

from __future__ import annotations

from services.loyalty.earning.refusals import DraftNotFound
from services.loyalty.earning.storage import drafts
from services.loyalty.earning.storage.drafts import page as list_drafts
from services.loyalty.earning.storage.tables import RulebookDraftRecord
from shared.db import Read

__all__ = ["find_draft", "list_drafts"]


async def find_draft(read: Read, name: str) -> RulebookDraftRecord:
    """Return a draft. Raises DraftNotFound."""
    draft = await drafts.find(read, name)
    if draft is None:
        raise DraftNotFound
    return draft
