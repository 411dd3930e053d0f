"""Check that a document does not contradict itself or the programme."""

from __future__ import annotations

from services.loyalty.earning.domain import checks
from services.loyalty.earning.domain.document import RulebookDocument
from services.loyalty.earning.refusals import RulebookInvalid
from services.loyalty.http import refuse_faults
from services.loyalty.ledger.queries.programme import programme_or_default
from services.loyalty.settings import Settings
from shared.context import Context
from shared.db import Read


async def check_document(read: Read, context: Context[Settings], document: RulebookDocument) -> None:
    """Refuse a document that contradicts itself, or whose conditions name tiers that the programme neither has nor will have.

    Raises RulebookInvalid with a pointer to each fault.
    """
    programme = await programme_or_default(read, context)
    refuse_faults(checks.faults(document, programme.tier_codes(context.clock.now())), RulebookInvalid)
