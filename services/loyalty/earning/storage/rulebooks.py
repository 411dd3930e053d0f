"""The statements on rulebooks."""

from __future__ import annotations

from sqlalchemy import select

from services.loyalty.earning.domain.rulebook import Rulebook
from services.loyalty.earning.storage.tables import RulebookRecord, rulebook
from services.loyalty.ledger.domain.programme import PROGRAMME
from shared.db import Read, Tx


async def documents(read: Read) -> tuple[str, ...]:
    """Return the documents of all rulebooks, in the order of their versions."""
    c = rulebook.c
    statement = select(c.document).where(c.programme_id == PROGRAMME).order_by(c.version)
    return tuple([document for (document,) in await read.all(statement)])


async def add(tx: Tx, opened: Rulebook) -> None:
    """Store a rulebook, unless another process has."""
    record = RulebookRecord(PROGRAMME, opened.version, opened.model_dump_json())
    await tx.insert_new_records(rulebook, [record])
