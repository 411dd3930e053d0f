"""Draw rising ids in blocks, so that one round trip gives a transaction all the ids it needs.

Draw ids only after the locks on the owners of the new rows are held. Then the ids of one owner rise with time.
"""

from functools import lru_cache
from typing import Any, Final

from sqlalchemy import (
    Column,
    Identity,
    MetaData,
    Named,
    Table,
    TypedColumns,
    bindparam,
    delete,
    insert,
    text,
    update,
)
from sqlalchemy.sql.dml import ReturningUpdate

from shared.db.access import Tx
from shared.db.types import BigInt

BLOCK = 256
TABLES_MAX = 64
"""The tables whose statements are kept. A service has one."""
"""The number of ids in one step of the sequence."""
_BLOCKS: Final = "blocks"


class BlockColumns(TypedColumns):
    """The columns of a table of blocks. PostgreSQL uses only its sequence; SQLite counts in its one row."""

    id: Named[int] = Column(BigInt, Identity(increment=BLOCK), primary_key=True)
    next: Named[int] = Column(BigInt)


def declare(metadata: MetaData, name: str) -> Table[Any]:
    """Declare the table from which one service draws its blocks."""
    return Table(name, metadata, BlockColumns, info={_BLOCKS: True})


def declared_in(metadata: MetaData) -> list[Table[Any]]:
    """Return the tables of blocks in a metadata."""
    return [table for table in metadata.tables.values() if _BLOCKS in table.info]


async def go_on_from(tx: Tx, table: Table[Any], first: int) -> None:
    """Let the next block begin at `first`, which no id has reached. Nothing may draw ids meanwhile."""
    if tx.dialect == "postgresql":
        moved = text("SELECT setval(pg_get_serial_sequence(:name, 'id'), :first, false)")
        await tx.run(moved, {"name": table.name, "first": first})
    else:
        await tx.execute(delete(table))
        await tx.execute(insert(table).values(id=1, next=first))


async def take(tx: Tx, table: Table[Any], count: int) -> list[range]:
    """Return at least `count` ids that no other transaction ever gets, as rising ranges."""
    blocks = -(-count // BLOCK)
    if tx.dialect == "postgresql":
        drawn = text("SELECT nextval(pg_get_serial_sequence(:name, 'id')) FROM generate_series(1, :blocks)")
        rows = (await tx.run(drawn, {"name": table.name, "blocks": blocks})).all()
        return [range(first, first + BLOCK) for first in sorted(row[0] for row in rows)]
    after = await tx.scalar(_advance(table), {"drawn": blocks * BLOCK})
    if after is None:
        await tx.execute(insert(table).values(id=1, next=1 + blocks * BLOCK))
        return [range(1, 1 + blocks * BLOCK)]
    return [range(after - blocks * BLOCK, after)]


@lru_cache(maxsize=TABLES_MAX)
def _advance(table: Table[Any]) -> ReturningUpdate[int]:
    """Return the statement that draws ids from a table. It is built once, because building it costs more than running it."""
    drawn = table.c.next + bindparam("drawn", type_=BigInt)
    return update(table).where(table.c.id == 1).values(next=drawn).returning(table.c.next)
