"""Delete a draft of a rulebook."""

from __future__ import annotations

from services.loyalty.earning.queries.drafts import find_draft
from services.loyalty.earning.steps.rulebooks import lock_rulebooks
from services.loyalty.earning.storage import drafts
from services.loyalty.earning.storage.tables import RulebookDraftRecord
from services.loyalty.settings import Settings
from shared import audit
from shared.audit import Change
from shared.context import Context
from shared.db import Tx
from shared.preconditions import Precondition


async def delete_draft(
    tx: Tx, context: Context[Settings], name: str, precondition: Precondition
) -> RulebookDraftRecord:
    """Delete a draft, and return what it was. Raises DraftNotFound and PreconditionFailed."""
    await lock_rulebooks(tx, context)
    draft = await find_draft(tx, name)
    precondition.check(draft.version)
    await drafts.remove(tx, name)
    audit.note(tx, changes=[Change(name, "version", draft.version, None)])
    return draft
