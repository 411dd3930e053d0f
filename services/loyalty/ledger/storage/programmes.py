"""The statements on programmes."""

from __future__ import annotations

from sqlalchemy import select

from services.loyalty.ledger.domain.programme import PROGRAMME, Programme, parse
from services.loyalty.ledger.storage.tables import ProgrammeRecord, programme
from shared.db import Read, Slot, Tx

_PROGRAMME: Slot[list[Programme]] = Slot("loyalty.programme", list)
"""The programme as this transaction has read it: a list of one, empty before."""


async def current(tx: Tx) -> Programme:
    """Return the programme; a transaction reads it once."""
    programme = await find(tx)
    assert programme is not None, "the lock of a batch opens the programme before it is asked for"
    return programme


async def find(tx: Tx) -> Programme | None:
    """Return the programme, or None before it is opened; a transaction reads it once."""
    held = tx.slot(_PROGRAMME)
    if not held and (stored := await read_or_none(tx)) is not None:
        held.append(stored)
    return held[0] if held else None


async def read(read: Read) -> Programme:
    """Return the stored programme."""
    stored = await read_or_none(read)
    assert stored is not None, "the lock of a batch opens the programme before it is asked for"
    return stored


async def read_or_none(read: Read) -> Programme | None:
    """Return the stored programme, or None before it is opened."""
    document = await read.scalar(select(programme.c.document).where(programme.c.id == PROGRAMME))
    return None if document is None else parse(document)


async def lock(tx: Tx) -> None:
    """Wait for others that change what the programme promises, and keep them waiting."""
    statement = select(programme.c.id).where(programme.c.id == PROGRAMME)
    await tx.all(statement.order_by(programme.c.id).with_for_update())


async def add(tx: Tx, opened: Programme) -> None:
    """Store the first version, unless another process has."""
    record = ProgrammeRecord(PROGRAMME, opened.code, 1, opened.model_dump_json())
    await tx.insert_new_records(programme, [record])
