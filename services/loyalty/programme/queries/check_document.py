"""Check that a document may become a version of the programme."""

from __future__ import annotations

from datetime import datetime

from services.loyalty.earning.queries.rulebooks import tiers_named
from services.loyalty.http import refuse_faults
from services.loyalty.ledger.domain.programme import Programme, ProgrammeDocument
from services.loyalty.ledger.queries.programme import any_booked, programme_or_default
from services.loyalty.programme.domain.checks import faults_beside
from services.loyalty.programme.refusals import ProgrammeInvalid
from services.loyalty.purchases.queries.orders import any_recorded
from services.loyalty.settings import Settings
from shared.context import Context
from shared.db import Read


async def is_booked(read: Read) -> bool:
    """Return whether any purchase was recorded, or any point moved."""
    return await any_recorded(read) or await any_booked(read)


async def check_draft(read: Read, context: Context[Settings], document: ProgrammeDocument) -> None:
    """Refuse a document that could not be published now. While nothing is booked, it may be published from the beginning.

    Raises ProgrammeInvalid.
    """
    programme, now = await programme_or_default(read, context), context.clock.now()
    await check_version(read, document, programme, now, is_first=not await is_booked(read))


async def check_version(
    read: Read, document: ProgrammeDocument, programme: Programme, in_force_from: datetime, *, is_first: bool
) -> None:
    """Refuse a document that contradicts the other versions, or the rules in force from an instant on. Raises ProgrammeInvalid."""
    in_use = await tiers_named(read, in_force_from)
    refuse_faults(faults_beside(document, programme, in_use, is_first=is_first), ProgrammeInvalid)
