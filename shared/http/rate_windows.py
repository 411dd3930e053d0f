"""The windows of rate limits that the processes of a service share, in its own database on PostgreSQL.

The table is UNLOGGED: a draw writes no log, and after a crash of the server every window begins anew. On SQLite, where one process
serves, the table stays empty.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import DDL, Column, Named, Table, TypedColumns, delete, event, select, tuple_

from shared.context import Context
from shared.db import Database, Tx, kernel_metadata, record_of
from shared.db.types import BigInt, Instant, Sealed

PRUNE_PAGE = 5_000
CLOCKS_DIFFER = timedelta(minutes=5)
"""The time for which a window is kept after its end: the clock of another process may be behind."""
_DRAW = """
INSERT INTO rate_window AS known (ends_at, bucket, used) VALUES ($1, $2, $3)
ON CONFLICT (ends_at, bucket) DO UPDATE SET used = known.used + excluded.used RETURNING used
"""


class RateWindowColumns(TypedColumns):
    """The requests that were drawn from one window of one subject under one rule."""

    ends_at: Named[datetime] = Column(Instant, primary_key=True)
    bucket: Named[bytes] = Column(Sealed, primary_key=True)
    """The keyed digest of the rule and the subject."""
    used: Named[int] = Column(BigInt, nullable=False)


rate_window = Table("rate_window", kernel_metadata, RateWindowColumns)
_unlogged = DDL("ALTER TABLE rate_window SET UNLOGGED")  # type: ignore[no-untyped-call]
event.listen(rate_window, "after_create", _unlogged.execute_if(dialect="postgresql"))


@record_of(rate_window)
@dataclass(frozen=True, slots=True)
class RateWindowRecord:
    """The requests that were drawn from one window of one subject under one rule."""

    ends_at: datetime
    bucket: bytes
    used: int


async def draw(database: Database, ends_at: datetime, bucket: bytes, count: int) -> int:
    """Draw `count` requests from a window, and return how many all processes have drawn from it by then.

    The count may exceed the quota; the draws below the quota are those that may be used. A draw whose answer was lost is
    repeated, so it may be counted twice: then the subject gets less, never more.
    """
    from shared.db.postgres import PostgresDatabase

    assert isinstance(database, PostgresDatabase), "on SQLite the windows are in memory"
    ((used,),) = await database.fetch(_DRAW, ends_at, bucket, count)
    return int(used)


async def prune(tx: Tx, _context: Context) -> int:
    """Delete one page of the windows that are over, and return their number."""
    if tx.dialect == "sqlite":
        return 0
    over = rate_window.c.ends_at < tx.now - CLOCKS_DIFFER
    key = tuple_(rate_window.c.ends_at, rate_window.c.bucket)
    page = select(rate_window.c.ends_at, rate_window.c.bucket).where(over).limit(PRUNE_PAGE)
    return await tx.execute(delete(rate_window).where(over, key.in_(page)))
