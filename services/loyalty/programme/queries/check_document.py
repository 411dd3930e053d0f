"""Check that a document may become a version of the programme."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from services.loyalty.earning.domain.checks import Fault
from services.loyalty.earning.queries.rulebooks import tiers_named
from services.loyalty.ledger.domain.programme import Programme, ProgrammeDocument
from services.loyalty.ledger.queries.programme import any_booked, programme_or_default
from services.loyalty.programme.domain.checks import faults_beside
from services.loyalty.programme.refusals import ProgrammeInvalid
from services.loyalty.purchases.queries.orders import any_recorded
from services.loyalty.settings import Settings
from shared.context import Context
from shared.db import Read
from shared.errors import FieldError
from shared.http.validation import pointer

PLACE = "document"
"""The name of the document in a request."""


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
    refuse(faults_beside(document, programme, in_use, is_first=is_first))


def refuse(contradictions: Sequence[Fault]) -> None:
    """Raise ProgrammeInvalid with a pointer to each fault, if there is one."""
    if contradictions:
        raise ProgrammeInvalid(
            errors=[
                FieldError.of(pointer((PLACE, *fault.place)), fault.sentence, **fault.values)
                for fault in contradictions
            ]
        )
