"""Save the draft of the programme."""

from __future__ import annotations

from services.loyalty.ledger.domain.documents import draft_version
from services.loyalty.ledger.domain.programme import CODE, PROGRAMME, ProgrammeDocument, canonical
from services.loyalty.ledger.steps.programme import lock_programme, open_programme
from services.loyalty.programme.queries.check_document import check_draft
from services.loyalty.programme.storage import drafts
from services.loyalty.programme.storage.tables import ProgrammeDraftRecord
from services.loyalty.settings import Settings
from shared import audit
from shared.audit import Change
from shared.context import Context
from shared.db import Tx
from shared.preconditions import Precondition


async def save_programme_draft(
    tx: Tx, context: Context[Settings], document: ProgrammeDocument, author: str, precondition: Precondition
) -> ProgrammeDraftRecord:
    """Store a document as the draft. The same document once more changes nothing. Raises PreconditionFailed, ProgrammeInvalid."""
    await open_programme(tx, context)
    await lock_programme(tx)
    former = await drafts.find(tx)
    before = None if former is None else former.version
    precondition.check(before)
    await check_draft(tx, context, document)
    text = canonical(document)
    if former is not None and former.document == text:
        return former
    version = draft_version(tx.now, before)
    saved = ProgrammeDraftRecord(PROGRAMME, text, version, author, tx.now)
    await drafts.save(tx, saved)
    audit.note(tx, changes=[Change(CODE, "version", before, version)])
    return saved
