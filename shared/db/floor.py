"""Find the floor of a table: the highest id below which no row can still appear.

PostgreSQL hands out ids before their rows are committed. A reader that continues from the greatest id it has seen would
miss a row with a smaller id that commits later. So the floor notes the greatest committed id, and then a transaction id.
When every transaction up to that one has ended, no row can appear at or below the noted id.

The value of the sequence would be no safe choice. A server that crashes may set it back to the value on the disk, and
then hand out ids again that were never committed.
"""

from sqlalchemy import BigInteger, Column, func, literal_column, select

from shared.db.access import Database


class Floor:
    """The floor of one table. It stays 0 on SQLite, where one writer commits in order and no floor is needed."""

    def __init__(self, database: Database, ids: Column[int]) -> None:
        self._database = database
        self._noted: tuple[int, int] | None = None
        self._greatest = select(func.max(ids))
        self.value = 0

    async def raise_it(self) -> None:
        """Raise the floor to the highest id that is certain now."""
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
