"""Read the programme."""

from __future__ import annotations

from services.loyalty.ledger.domain.programme import Programme, default_programme
from services.loyalty.ledger.storage import programmes
from services.loyalty.ledger.storage.programmes import read as read_programme
from services.loyalty.settings import Settings
from shared.context import Context
from shared.db import Read

__all__ = ["programme_or_default", "read_programme"]


async def programme_or_default(read: Read, context: Context[Settings]) -> Programme:
    """Return the programme; before the first fact opens it, the one that it will be."""
    stored = await programmes.read_or_none(read)
    return stored or default_programme(context.settings.currency, context.settings.zone)
