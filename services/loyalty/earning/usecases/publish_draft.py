"""Publish a draft of a rulebook."""

from __future__ import annotations

from datetime import datetime

from services.loyalty.earning.domain.document import parse_document
from services.loyalty.earning.queries.check_document import check_document
from services.loyalty.earning.usecases.delete_draft import delete_draft
from services.loyalty.earning.usecases.publish_rulebook import publish_rulebook
from services.loyalty.settings import Settings
from shared.context import Context
from shared.db import Tx
from shared.preconditions import Precondition


async def publish_draft(
    tx: Tx,
    context: Context[Settings],
    name: str,
    in_force_from: datetime,
    publisher: str,
    precondition: Precondition,
) -> int:
    """Store the document of a draft as a rulebook, delete the draft, and return the rulebook's version.

    The document is checked again: the draft may have been saved by a version that knew fewer faults.

    Raises DraftNotFound, PreconditionFailed, RulebookInvalid, and what `publish_rulebook` raises.
    """
    draft = await delete_draft(tx, context, name, precondition)
    document = parse_document(draft.document)
    await check_document(tx, context, document)
    return await publish_rulebook(tx, context, document, in_force_from, publisher)
