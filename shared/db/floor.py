"""Under which id of a table no transaction is open any more, so that no row can still appear there.

PostgreSQL hands out ids before they are committed: a row that commits late would be overtaken by its customer's next
if a reader went on from the greatest id it has seen. So the greatest committed id is noted, then a transaction id; once
every transaction up to that one has ended, nothing can appear at or below the noted id. Not the sequence's own value:
a server that crashes may set it back to what was on the disk, and hand out once more what nobody had committed.
"""

from sqlalchemy import BigInteger, Column, func, literal_column, select

from shared.db.access import Database


class Floor:
    """The floor of one table's ids; 0 where it is not needed (SQLite: one writer commits in order)."""

    def __init__(self, database: Database, ids: Column[int]) -> None:
        self._database = database
        self._noted: tuple[int, int] | None = None
        self._greatest = select(func.max(ids))
        self.value = 0

    async def raise_it(self) -> None:
        """Raise the floor as far as is certain now."""
        if self._database.dialect == "sqlite":
            return
        async with self._database.read() as read:
            if self._noted is not None:
                oldest_open = await read.scalar(_OLDEST_OPEN)
                if oldest_open is not None and oldest_open > self._noted[1]:
                    self.value, self._noted = self._noted[0], None
            if self._noted is None:
                value = await read.scalar(self._greatest)
                current = await read.scalar(_CURRENT)
                self._noted = (value or 0, current or 0)


_OLDEST_OPEN = select(literal_column("pg_snapshot_xmin(pg_current_snapshot())::text::bigint", BigInteger))
_CURRENT = select(literal_column("pg_current_xact_id()::text::bigint", BigInteger))
