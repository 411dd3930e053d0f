"""Find the programme and the version of its rules that is in force."""

from __future__ import annotations

from services.loyalty.earning.domain.rulebook import Rulebooks
from services.loyalty.earning.storage import rulebooks
from services.loyalty.ledger.domain.programme import Programme
from services.loyalty.ledger.queries.programme import programme_or_default
from services.loyalty.settings import Settings
from shared.context import Context
from shared.db import Read


async def find_programme(read: Read, context: Context[Settings]) -> tuple[Programme, int | None]:
    """Return the programme, and the number of the version of its rules that is in force; None before the first fact."""
    programme, versions = await programme_or_default(read, context), await rulebooks.versions(read)
    return programme, Rulebooks(versions).at(context.clock.now()).version if versions else None
