"""Rising ids taken in blocks: one round trip gives a transaction as many as it needs.

Ask only behind the locks of what the rows belong to; then ids rise with time within each of those.
"""

from typing import Any

from sqlalchemy import Column, Identity, MetaData, Named, Table, TypedColumns, insert, text, update

from shared.db.access import Tx
from shared.db.types import BigInt

BLOCK = 256
"""Ids of one step of the sequence."""


class BlockColumns(TypedColumns):
    """On PostgreSQL only its sequence is used; on SQLite its one row counts."""

    id: Named[int] = Column(BigInt, Identity(increment=BLOCK), primary_key=True)
    next: Named[int] = Column(BigInt)


def declare(metadata: MetaData, name: str) -> Table[Any]:
    """The table behind the blocks of one service."""
    return Table(name, metadata, BlockColumns)


async def take(tx: Tx, table: Table[Any], count: int) -> list[range]:
    """At least `count` ids that nobody else will ever get, as rising ranges."""
    blocks = -(-count // BLOCK)
    if tx.dialect == "postgresql":
        drawn = text("SELECT nextval(pg_get_serial_sequence(:name, 'id')) FROM generate_series(1, :blocks)")
        rows = (await tx.run(drawn, {"name": table.name, "blocks": blocks})).all()
        return [range(first, first + BLOCK) for first in sorted(row[0] for row in rows)]
    moved = await tx.first(
        update(table)
        .where(table.c.id == 1)
        .values(next=table.c.next + blocks * BLOCK)
        .returning(table.c.next)
    )
    if moved is None:
        await tx.execute(insert(table).values(id=1, next=1 + blocks * BLOCK))
        return [range(1, 1 + blocks * BLOCK)]
    return [range(moved[0] - blocks * BLOCK, moved[0])]
