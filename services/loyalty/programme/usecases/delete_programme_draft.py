"""Delete the draft of the programme."""

from __future__ import annotations

from services.loyalty.ledger.domain.programme import CODE
from services.loyalty.ledger.steps.programme import lock_programme, open_programme
from services.loyalty.programme.queries.draft import find_draft
from services.loyalty.programme.storage import drafts
from services.loyalty.programme.storage.tables import ProgrammeDraftRecord
from services.loyalty.settings import Settings
from shared import audit
from shared.audit import Change
from shared.context import Context
from shared.db import Tx
from shared.preconditions import Precondition


async def delete_programme_draft(
    tx: Tx, context: Context[Settings], precondition: Precondition
) -> ProgrammeDraftRecord:
    """Delete the draft, and return what it was. Raises DraftNotFound and PreconditionFailed."""
    await open_programme(tx, context)
    await lock_programme(tx)
    draft = await find_draft(tx)
    precondition.check(draft.version)
    await drafts.remove(tx)
    audit.note(tx, changes=[Change(CODE, "version", draft.version, None)])
    return draft
