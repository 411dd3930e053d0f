"""The statements on the draft of a programme."""

from __future__ import annotations

from sqlalchemy import delete, select

from services.loyalty.ledger.domain.programme import PROGRAMME
from services.loyalty.programme.storage.tables import ProgrammeDraftRecord, programme_draft
from shared.db import Read, Tx, columns_of

_OWN = programme_draft.c.programme_id == PROGRAMME


async def find(read: Read) -> ProgrammeDraftRecord | None:
    """Return the draft; None if there is none."""
    statement = select(*columns_of(programme_draft, ProgrammeDraftRecord)).where(_OWN)
    return await read.read_record(ProgrammeDraftRecord, statement)


async def save(tx: Tx, record: ProgrammeDraftRecord) -> None:
    """Store the draft in the place of the one before."""
    await tx.upsert_records(programme_draft, [record], key=["programme_id"])


async def remove(tx: Tx) -> None:
    """Delete the draft."""
    await tx.execute(delete(programme_draft).where(_OWN))
