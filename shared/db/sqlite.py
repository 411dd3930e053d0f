"""Work with SQLite through the standard synchronous driver.

Statements run inline on the event loop, because a hop to a thread costs fifty times as much as a query. There is one
writer behind a fair lock. Readers have a connection of their own. Every file uses WAL and `synchronous=FULL`, so that a
committed row is on the disk.
"""

import asyncio
import json
import os
import sqlite3
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, cast

from sqlalchemy import (
    Column,
    Connection,
    CursorResult,
    Dialect,
    Engine,
    Executable,
    StaticPool,
    Table,
    create_engine,
    event,
)

from shared.clock import Clock
from shared.db import bulk, failures
from shared.db.access import Database, Parameters, Patience, Read, Records, T, Tx, WriteOutbox
from shared.db.prepared import Prepared
from shared.db.records import names_of
from shared.db.types import to_json
from shared.pacing import paced
from shared.traces import trace_of

BUSY_SECONDS_MAX = 5
"""The time that a statement waits for a writer of another process, such as a backup."""
WAL_PAGES_MAX = 4000
"""The number of pages after which SQLite copies the log back into the file."""
STATEMENTS_CACHED_MAX = 512
ROWS_AT_ONCE = 100
"""The rows that are written in one piece, in about a millisecond. The writer's lock is held over all pieces."""


class SqliteDatabase(Database):
    """One SQLite file, with one writing and one reading connection."""

    dialect = "sqlite"

    def __init__(self, url: str, clock: Clock, write_outbox: WriteOutbox | None) -> None:
        super().__init__(url, clock, write_outbox)
        self.path = Path(url.removeprefix("sqlite:///"))
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self._engines = (self._engine(), self._engine())
        self.writer, self.reader = (engine.connect() for engine in self._engines)
        self.writing = asyncio.Lock()
        self.held: set[bytes] = set()
        """The keys that open transactions have taken with `Tx.try_lock`."""

    def trace(self) -> object:
        """Return the size and the time of the write-ahead log, to which every commit is appended."""
        return trace_of(self.path)

    def room(self) -> int | None:
        """Return the bytes that are free on the disk of the file."""
        disk = os.statvfs(self.path.parent)
        return disk.f_bavail * disk.f_frsize

    @asynccontextmanager
    async def read(self) -> AsyncIterator[Read]:
        """Open autocommit access on the reading connection. Every result is read whole before the loop continues."""
        try:
            yield SqliteRead(self.reader)
        except Exception as error:
            self.damaged |= failures.is_damaged(error)
            raise

    async def close(self) -> None:
        """Close both connections. The last one copies the log into the file."""
        for connection, engine in zip((self.writer, self.reader), self._engines, strict=True):
            connection.close()
            engine.dispose()

    def _engine(self) -> Engine:
        engine = create_engine(
            f"sqlite:///{self.path}",
            isolation_level="AUTOCOMMIT",
            poolclass=StaticPool,
            json_serializer=to_json,
            json_deserializer=json.loads,
            connect_args={
                "timeout": BUSY_SECONDS_MAX,
                "check_same_thread": False,
                "cached_statements": STATEMENTS_CACHED_MAX,
            },
        )
        event.listen(engine, "connect", prepare)
        return engine

    def _new_tx(self, patience: Patience) -> Tx:  # the driver has its own time limit
        return SqliteTx(self)

    async def _commit(self, tx: Tx) -> None:
        cast(SqliteTx, tx).end("COMMIT")

    async def _rollback(self, tx: Tx) -> None:
        cast(SqliteTx, tx).end("ROLLBACK")


def prepare(connection: sqlite3.Connection, _record: object = None) -> None:
    """Give a new connection the settings that every file of the product has."""
    for pragma in (
        "journal_mode=WAL",
        "synchronous=FULL",
        "foreign_keys=ON",
        "recursive_triggers=ON",
        "secure_delete=ON",
        f"wal_autocheckpoint={WAL_PAGES_MAX}",
    ):
        connection.execute(f"PRAGMA {pragma}").close()
    connection.create_function("from_hex", 1, bytes.fromhex, deterministic=True)


class SqliteRead(Read):
    """Autocommit statements on the reading connection."""

    dialect = "sqlite"

    def __init__(self, reader: Connection) -> None:
        self._reader = reader

    async def run(
        self, statement: Executable, parameters: Parameters = None
    ) -> CursorResult[*tuple[Any, ...]]:
        """Run one statement."""
        return self._reader.execute(statement, parameters)

    def _dialect(self) -> Dialect:
        return self._reader.dialect

    async def _fetch(self, asked: Prepared, parameters: Parameters) -> Sequence[Any]:
        return _fetched(driver_of(self._reader), asked, parameters)


class SqliteTx(Tx):
    """One transaction. From its first statement on, it has the writing connection for itself."""

    dialect = "sqlite"

    def __init__(self, database: SqliteDatabase) -> None:
        super().__init__(database.clock)
        self._database = database
        self._begun = self._ended = False
        self._savepoints = 0
        self._held: list[bytes] = []

    async def run(
        self, statement: Executable, parameters: Parameters = None
    ) -> CursorResult[*tuple[Any, ...]]:
        """Run one statement inside the transaction."""
        await self.driver()
        return self._database.writer.execute(statement, parameters)

    def _dialect(self) -> Dialect:
        return self._database.writer.dialect

    async def _fetch(self, asked: Prepared, parameters: Parameters) -> Sequence[Any]:
        return _fetched(await self.driver(), asked, parameters)

    async def driver(self) -> sqlite3.Connection:
        """Return the driver's own connection, inside the transaction, for executemany."""
        assert not self._ended, "this transaction has ended: open a new one"
        driver = driver_of(self._database.writer)
        if not self._begun:
            await self._database.writing.acquire()
            try:
                driver.execute("BEGIN IMMEDIATE")
            except BaseException:
                self._database.writing.release()
                raise
            self._begun = True
        return driver

    async def insert_records(self, table: Table[Any], records: Records) -> None:
        """Insert by executemany, in pieces, so that readers are answered in between."""
        if not records:
            return
        names = names_of(records)
        statement, driver = bulk.insert_sqlite(table, names), await self.driver()
        for start in range(0, len(records), ROWS_AT_ONCE):
            piece = records[start : start + ROWS_AT_ONCE]
            driver.executemany(statement, self._values(table, names, piece))
            await asyncio.sleep(0)

    async def insert_new_records(
        self, table: Table[Any], records: Records, *, returning: Sequence[Column[Any]] = ()
    ) -> list[tuple[Any, ...]]:
        """Insert row by row with one compiled statement, because executemany cannot return rows."""
        if not records:
            return []
        names = names_of(records)
        returned = tuple(column.name for column in (returning or table.primary_key.columns))
        statement = bulk.insert_new_sqlite(table, names, returned)
        driver = await self.driver()
        values = paced(self._values(table, names, records))
        answers = [driver.execute(statement, row).fetchone() async for row in values]
        raw = [row for row in answers if row is not None]
        return _converted(table, returned, raw, self._database.writer)

    async def upsert_records(
        self,
        table: Table[Any],
        records: Records,
        *,
        key: Sequence[str],
        update: Sequence[str] | None = None,
        rising: str | None = None,
    ) -> None:
        """Insert or update by executemany of INSERT … ON CONFLICT DO UPDATE."""
        if records:
            names = names_of(records)
            changed = tuple(name for name in names if name not in key) if update is None else tuple(update)
            statement = bulk.upsert_sqlite(table, names, tuple(key), changed, rising)
            (await self.driver()).executemany(statement, self._values(table, names, records))

    async def update_records(
        self,
        table: Table[Any],
        records: Records,
        *,
        key: Sequence[str] = ("id",),
        columns: Sequence[str] | None = None,
    ) -> None:
        """Update by executemany."""
        if records:
            changed = tuple(columns or (name for name in names_of(records) if name not in key))
            statement = bulk.update_sqlite(table, changed, tuple(key))
            (await self.driver()).executemany(statement, self._values(table, (*changed, *key), records))

    async def take_place(self) -> None:
        """Do nothing, because the one writer commits in order."""

    async def run_sync(self, work: Callable[[Connection], T]) -> T:
        """Call `work` with the writing connection."""
        await self.driver()
        return work(self._database.writer)

    @asynccontextmanager
    async def savepoint(self) -> AsyncIterator[None]:
        """Set a SAVEPOINT, and ROLLBACK TO it when the block raises."""
        driver = await self.driver()
        self._savepoints += 1
        name = f"part_{self._savepoints}"
        driver.execute(f"SAVEPOINT {name}")
        try:
            with self._undoing():
                yield
        except BaseException:
            if driver.in_transaction:  # on a full disk SQLite has rolled back the whole transaction
                driver.execute(f"ROLLBACK TO SAVEPOINT {name}")
                driver.execute(f"RELEASE SAVEPOINT {name}")
            raise
        driver.execute(f"RELEASE SAVEPOINT {name}")

    async def lock_buckets(self, space: int, buckets: Sequence[int], *, exclusive: bool) -> None:
        """Begin the transaction, which is enough because there is one writer."""
        await self.driver()

    async def try_lock(self, key: bytes) -> bool:
        """Take the key in a set in memory, before waiting for the writer's lock."""
        if key in self._database.held:
            return False
        self._database.held.add(key)
        self._held.append(key)
        return True

    def end(self, word: str) -> None:
        """Send COMMIT or ROLLBACK, and let the next writer in. After a failed COMMIT the transaction is still open."""
        if self._begun and not self._ended:
            driver = driver_of(self._database.writer)
            if word == "COMMIT" or driver.in_transaction:
                driver.execute(word)
            self._database.writing.release()
        self._ended = True
        self._database.held.difference_update(self._held)
        self._held.clear()

    def _values(self, table: Table[Any], names: tuple[str, ...], records: Records) -> "zip[tuple[Any, ...]]":
        columns = bulk.parameters(table, names, records, self._database.writer.dialect)
        return zip(*columns, strict=True)


def driver_of(connection: Connection) -> sqlite3.Connection:
    """Return the driver's own connection."""
    return cast(sqlite3.Connection, connection.connection.driver_connection)


def _fetched(driver: sqlite3.Connection, asked: Prepared, parameters: Parameters) -> Sequence[Any]:
    return driver.execute(asked.sql, asked.arguments(parameters)).fetchall()


def _converted(
    table: Table[Any], names: tuple[str, ...], rows: list[tuple[Any, ...]], connection: Connection
) -> list[tuple[Any, ...]]:
    """Convert the driver's values to Python values, column by column."""
    dialect = connection.dialect
    processors = [table.c[name].type.dialect_impl(dialect).result_processor(dialect, None) for name in names]
    if not any(processors):
        return rows
    return [
        tuple(
            value if process is None else process(value)
            for value, process in zip(row, processors, strict=True)
        )
        for row in rows
    ]
