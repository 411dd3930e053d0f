"""The statements on drafts of rulebooks."""

from __future__ import annotations

from sqlalchemy import delete, func, select

from services.loyalty.earning.storage.tables import RulebookDraftRecord, rulebook_draft
from services.loyalty.ledger.domain.programme import PROGRAMME
from shared.db import Read, Tx, columns_of

_OWN = rulebook_draft.c.programme_id == PROGRAMME
_RECORDS = select(*columns_of(rulebook_draft, RulebookDraftRecord)).where(_OWN)


async def find(read: Read, name: str) -> RulebookDraftRecord | None:
    """Return a draft; None if there is none with this name."""
    return await read.read_record(RulebookDraftRecord, _RECORDS.where(rulebook_draft.c.name == name))


async def page(read: Read, after: str | None, limit: int) -> list[RulebookDraftRecord]:
    """Return drafts by name, those behind `after`."""
    behind = _RECORDS if after is None else _RECORDS.where(rulebook_draft.c.name > after)
    return await read.read_records(RulebookDraftRecord, behind.order_by(rulebook_draft.c.name).limit(limit))


async def count(read: Read) -> int:
    """Return the number of drafts."""
    return await read.scalar(select(func.count()).select_from(rulebook_draft).where(_OWN)) or 0


async def save(tx: Tx, record: RulebookDraftRecord) -> None:
    """Store a draft in the place of the one with its name."""
    await tx.upsert_records(rulebook_draft, [record], key=["programme_id", "name"])


async def remove(tx: Tx, name: str) -> None:
    """Delete a draft."""
    await tx.execute(delete(rulebook_draft).where(_OWN, rulebook_draft.c.name == name))
