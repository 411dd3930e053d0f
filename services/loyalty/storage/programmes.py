"""The programme's document, as stored."""

from __future__ import annotations

from sqlalchemy import select

from services.loyalty.domain.programme import Programme, parse
from services.loyalty.storage.tables import PROGRAMME, programme
from shared.db import Read, Slot, Tx

_PROGRAMME: Slot[list[Programme]] = Slot("loyalty.programme", list)
"""The programme as this transaction has read it: a list of one, empty before."""


async def current(tx: Tx) -> Programme:
    """The programme, read once a transaction."""
    known = tx.slot(_PROGRAMME)
    if not known:
        known.append(await read(tx))
    return known[0]


async def read(read: Read) -> Programme:
    """The programme, parsed once a process and version."""
    document = await read.scalar(select(programme.c.document).where(programme.c.id == PROGRAMME))
    assert document is not None, "the edge opens the programme before anything is asked of it"
    return parse(document)


async def exists(read: Read) -> bool:
    """Whether the programme was opened."""
    return await read.scalar(select(programme.c.id).where(programme.c.id == PROGRAMME)) is not None


async def add(tx: Tx, opened: Programme) -> None:
    """Store the first version, unless another process has."""
    row = {"id": PROGRAMME, "code": opened.code, "version": 1, "document": opened.model_dump_json()}
    await tx.insert_new(programme, [row])
