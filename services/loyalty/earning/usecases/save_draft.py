"""Save a draft of a rulebook."""

from __future__ import annotations

from services.loyalty.earning.domain.document import RulebookDocument, canonical
from services.loyalty.earning.queries.check_meaning import check_meaning
from services.loyalty.earning.refusals import DRAFTS_MAX, TooManyDrafts
from services.loyalty.earning.steps.rulebooks import lock_rulebooks
from services.loyalty.earning.storage import drafts
from services.loyalty.earning.storage.tables import RulebookDraftRecord
from services.loyalty.ledger.domain.documents import draft_version
from services.loyalty.ledger.domain.programme import PROGRAMME
from services.loyalty.settings import Settings
from shared import audit
from shared.audit import Change
from shared.context import Context
from shared.db import Tx
from shared.preconditions import Precondition


async def save_draft(
    tx: Tx,
    context: Context[Settings],
    name: str,
    document: RulebookDocument,
    author: str,
    precondition: Precondition,
) -> RulebookDraftRecord:
    """Store a document under a name. The same document once more changes nothing.

    Raises PreconditionFailed, CapChanged, GoalChanged and TooManyDrafts.
    """
    await lock_rulebooks(tx, context)
    former = await drafts.find(tx, name)
    precondition.check(None if former is None else former.version)
    await check_meaning(tx, document)
    text = canonical(document)
    if former is None:
        if await drafts.count(tx) >= DRAFTS_MAX:
            raise TooManyDrafts
    elif former.document == text:
        return former
    before = None if former is None else former.version
    version = draft_version(tx.now, before)
    saved = RulebookDraftRecord(PROGRAMME, name, text, version, author, tx.now)
    await drafts.save(tx, saved)
    audit.note(tx, changes=[Change(name, "version", before, version)])
    return saved
