"""Under which id of a table no transaction is open any more, so that no row can still appear there.

PostgreSQL hands out ids before they are committed: a row that commits late would be overtaken by its customer's next
if a reader went on from the greatest id it has seen. So the sequence's value is noted, then a transaction id; once
every transaction up to that id has ended, nothing can appear at or below the noted value.
"""

from sqlalchemy import BigInteger, literal_column, select

from shared.db.access import Database


class Floor:
    """The floor of one table's ids; 0 where it is not needed (SQLite: one writer commits in order)."""

    def __init__(self, database: Database, table: str) -> None:
        self._database = database
        self._noted: tuple[int, int] | None = None
        self._note = select(literal_column(_LAST_VALUE.format(table=table), BigInteger))
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
                value = await read.scalar(self._note)
                current = await read.scalar(_CURRENT)
                self._noted = (value or 0, current or 0)


_LAST_VALUE = "coalesce(pg_sequence_last_value(pg_get_serial_sequence('{table}', 'id')::regclass), 0)"
_OLDEST_OPEN = select(literal_column("pg_snapshot_xmin(pg_current_snapshot())::text::bigint", BigInteger))
_CURRENT = select(literal_column("pg_current_xact_id()::text::bigint", BigInteger))
