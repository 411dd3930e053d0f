"""Read the programme and its versions."""

from __future__ import annotations

from services.loyalty.ledger.domain.programme import Programme, default_programme
from services.loyalty.ledger.storage import programmes
from services.loyalty.ledger.storage.postings import any_booked
from services.loyalty.ledger.storage.programme_tables import ProgrammeVersionRecord
from services.loyalty.ledger.storage.programmes import find_version, unrestated
from services.loyalty.ledger.storage.programmes import page as page_of_versions
from services.loyalty.ledger.storage.programmes import read as read_programme
from services.loyalty.settings import Settings
from shared.context import Context
from shared.db import Read

SORTS = programmes.SORTS

__all__ = [
    "SORTS",
    "ProgrammeVersionRecord",
    "any_booked",
    "find_version",
    "page_of_versions",
    "programme_or_default",
    "read_programme",
    "unrestated",
]


async def programme_or_default(read: Read, context: Context[Settings]) -> Programme:
    """Return the programme; before the first fact opens it, the one that it will be."""
    stored = await programmes.read_or_none(read)
    return stored or default_programme(context.settings.currency, context.settings.zone)
