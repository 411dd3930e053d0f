"""Publish the draft of the programme."""

from __future__ import annotations

from datetime import datetime

from services.loyalty.ledger.domain.programme import parse_document
from services.loyalty.programme.usecases.delete_programme_draft import delete_programme_draft
from services.loyalty.programme.usecases.publish_programme import publish_programme
from services.loyalty.settings import Settings
from shared.consume.set_aside import lock_consumer
from shared.context import Context
from shared.db import Tx
from shared.preconditions import Precondition


async def publish_programme_draft(
    tx: Tx,
    context: Context[Settings],
    in_force_from: datetime | None,
    publisher: str,
    precondition: Precondition,
) -> int:
    """Store the document of the draft as a version, delete the draft, and return the number of the version.

    Raises DraftNotFound, PreconditionFailed, and what `publish_programme` raises.
    """
    if in_force_from is None:  # the lock of the consumer comes before that of the programme
        await lock_consumer(tx, context.settings.service, exclusive=True)
    draft = await delete_programme_draft(tx, context, precondition)
    return await publish_programme(tx, context, parse_document(draft.document), in_force_from, publisher)
