"""Work with PostgreSQL through asyncpg: READ COMMITTED, an explicit BEGIN, bulk writes by COPY and unnest."""

import json
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any, cast

import asyncpg
from sqlalchemy import Column, Connection, CursorResult, Dialect, Executable, Table
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.util import greenlet_spawn

from shared.clock import Clock
from shared.db import bulk, failures
from shared.db.access import Database, Parameters, Patience, Read, Records, T, Tx, WriteOutbox
from shared.db.failures import is_broken_connection
from shared.db.postgres_url import read_url
from shared.db.prepared import Prepared
from shared.db.records import names_of
from shared.db.types import to_json

CONNECTIONS_MAX = 10
"""The most connections per process. A request waits for a free one at most POOL_WAIT_SECONDS_MAX."""
POOL_WAIT_SECONDS_MAX = 4
CONNECT_SECONDS_MAX = 3
FEW_ROWS_MAX = 10
"""The most rows that are inserted without COPY."""
STATEMENT_SECONDS_MAX = 60
IDLE_TRANSACTION_SECONDS_MAX = 6
"""After this time the server ends a transaction that does nothing, because a stopped process would hold its locks.

It is shorter than a consumer's session, so that the consumer that takes over finds the rows unlocked."""
STALE_CONNECTIONS_MAX = CONNECTIONS_MAX + 1
"""The number of broken connections in a row after which the database counts as away."""
GIVE_UP_SECONDS_MAX = 0.5
"""The time that a silent server gets to end a transaction or a connection in order. Then the connection is cut."""
AWAY = "the database closed every connection it was asked on; check that it is running"


class PostgresDatabase(Database):
    """A PostgreSQL database behind one pool of connections."""

    dialect = "postgresql"

    def __init__(self, url: str, clock: Clock, write_outbox: WriteOutbox | None) -> None:
        """Make the pool. Raises UnusableUrl if a parameter of the URL cannot be used."""
        super().__init__(url, clock, write_outbox)
        address, arguments = read_url(url)
        settings = {
            "idle_in_transaction_session_timeout": str(IDLE_TRANSACTION_SECONDS_MAX * 1_000),
            "jit": "off",  # compiling a sum over all lots took 4 s, and running it 0.6
        }
        self.engine: AsyncEngine = create_async_engine(
            address,
            isolation_level="AUTOCOMMIT",
            pool_size=CONNECTIONS_MAX,
            max_overflow=0,
            pool_timeout=POOL_WAIT_SECONDS_MAX,
            pool_use_lifo=True,
            pool_reset_on_return=None,  # a transaction ends itself before it gives its connection back
            json_serializer=to_json,
            json_deserializer=json.loads,
            connect_args={
                "timeout": CONNECT_SECONDS_MAX,
                "command_timeout": STATEMENT_SECONDS_MAX,
                **arguments,
                "server_settings": {**arguments.get("server_settings", {}), **settings},
                "connection_class": _Connection,
            },
        )

    @asynccontextmanager
    async def read(self) -> AsyncIterator[Read]:
        """Open autocommit access on one connection, which is taken at the first statement."""
        read = PostgresRead(self.engine)
        try:
            yield read
        except Exception as error:
            self.damaged |= failures.is_damaged(error)
            raise
        finally:
            await read.release()

    async def fetch(self, sql: str, *arguments: Any) -> Sequence[Any]:
        """Run one statement as a transaction of its own, and return its rows. It may run twice, as in `fetch` below."""
        return await fetch(self.engine, sql, arguments)

    async def close(self) -> None:
        """Close the pool."""
        await self.engine.dispose()

    def _new_tx(self, patience: Patience) -> Tx:
        return PostgresTx(self.engine, self.clock, patience)

    async def _commit(self, tx: Tx) -> None:
        await cast(PostgresTx, tx).commit()

    async def _rollback(self, tx: Tx) -> None:
        await cast(PostgresTx, tx).abandon()


class PostgresRead(Read):
    """Autocommit statements on one connection."""

    dialect = "postgresql"

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine
        self._connection: AsyncConnection | None = None

    async def run(
        self, statement: Executable, parameters: Parameters = None
    ) -> CursorResult[*tuple[Any, ...]]:
        """Run one statement. A dead connection is replaced, because a read can be repeated."""
        for _ in range(STALE_CONNECTIONS_MAX):
            if self._connection is None:
                self._connection = await self._engine.connect()
            try:
                return await self._connection.execute(statement, parameters)
            except DBAPIError as error:
                if not error.connection_invalidated:
                    raise
                await self.release()
        raise ConnectionError(AWAY)

    def _dialect(self) -> Dialect:
        return self._engine.dialect

    async def _fetch(self, asked: Prepared, parameters: Parameters) -> Sequence[Any]:
        return await fetch(self._engine, asked.sql, asked.arguments(parameters))

    async def release(self) -> None:
        """Give the connection back."""
        connection, self._connection = self._connection, None
        if connection is not None:
            await connection.close()


async def fetch(engine: AsyncEngine, sql: str, arguments: Sequence[Any]) -> Sequence[Any]:
    """Run one autocommit statement on a pooled connection, and return its rows.

    A dead connection is replaced. Then nobody knows whether the statement has run, and it runs again.
    """
    for _ in range(STALE_CONNECTIONS_MAX):
        try:
            return await _fetch_once(engine, sql, arguments)
        except Exception as error:
            if not is_broken_connection(error):
                raise
    raise ConnectionError(AWAY)


async def _fetch_once(engine: AsyncEngine, sql: str, arguments: Sequence[Any]) -> Sequence[Any]:
    """Run the statement on the driver. SQLAlchemy's own connection object costs as much as the statement."""
    pooled = await greenlet_spawn(engine.pool.connect)
    try:
        driver = cast(asyncpg.Connection, pooled.driver_connection)
        return cast("Sequence[Any]", await driver.fetch(sql, *arguments))
    except BaseException as error:
        if _is_left_in_mid_answer(error):
            pooled.invalidate()
        raise
    finally:
        pooled.close()


class PostgresTx(Tx):
    """One transaction on one connection, both taken at the first statement."""

    dialect = "postgresql"

    def __init__(self, engine: AsyncEngine, clock: Clock, patience: Patience) -> None:
        super().__init__(clock)
        self._engine = engine
        self._patience = patience
        self._connection: AsyncConnection | None = None
        self._driver: asyncpg.Connection | None = None
        self._ended = False
        self._savepoints = 0

    async def run(
        self, statement: Executable, parameters: Parameters = None
    ) -> CursorResult[*tuple[Any, ...]]:
        """Run one statement inside the transaction."""
        await self.driver()
        assert self._connection is not None
        return await self._connection.execute(statement, parameters)

    def _dialect(self) -> Dialect:
        return self._engine.dialect

    async def _fetch(self, asked: Prepared, parameters: Parameters) -> Sequence[Any]:
        rows = await (await self.driver()).fetch(asked.sql, *asked.arguments(parameters))
        return cast("Sequence[Any]", rows)

    async def driver(self) -> asyncpg.Connection:
        """Return the driver's own connection, inside the transaction, for COPY and arrays."""
        assert not self._ended, "this transaction has ended: open a new one"
        self._patience.begin_anew()
        if self._driver is None:
            await self._begin()
        assert self._driver is not None
        return self._driver

    async def insert_records(self, table: Table[Any], records: Records) -> None:
        """Insert by COPY, or few rows by INSERT … SELECT unnest: COPY asks the server several times, however few the rows are."""
        if not records:
            return
        names, dialect = names_of(records), self._engine.dialect
        columns = bulk.parameters(table, names, records, dialect)
        driver = await self.driver()
        if len(records) <= FEW_ROWS_MAX:
            await driver.execute(bulk.insert_postgres(table, names, dialect), *columns)
            return
        await driver.copy_records_to_table(table.name, records=zip(*columns, strict=True), columns=names)

    async def insert_new_records(
        self, table: Table[Any], records: Records, *, returning: Sequence[Column[Any]] = ()
    ) -> list[tuple[Any, ...]]:
        """Insert by INSERT … SELECT unnest … ON CONFLICT DO NOTHING RETURNING."""
        if not records:
            return []
        names, dialect = names_of(records), self._engine.dialect
        returned = tuple(column.name for column in (returning or table.primary_key.columns))
        statement = bulk.insert_new_postgres(table, names, returned, dialect)
        columns = bulk.parameters(table, names, records, dialect)
        return [tuple(row) for row in await (await self.driver()).fetch(statement, *columns)]

    async def upsert_records(
        self,
        table: Table[Any],
        records: Records,
        *,
        key: Sequence[str],
        update: Sequence[str] | None = None,
        rising: str | None = None,
    ) -> None:
        """Insert or update by INSERT … SELECT unnest … ON CONFLICT DO UPDATE."""
        if not records:
            return
        names, dialect = names_of(records), self._engine.dialect
        changed = tuple(name for name in names if name not in key) if update is None else tuple(update)
        statement = bulk.upsert_postgres(table, names, tuple(key), changed, rising, dialect)
        await (await self.driver()).execute(statement, *bulk.parameters(table, names, records, dialect))

    async def update_records(
        self,
        table: Table[Any],
        records: Records,
        *,
        key: Sequence[str] = ("id",),
        columns: Sequence[str] | None = None,
    ) -> None:
        """Update by UPDATE … FROM unnest."""
        if not records:
            return
        dialect = self._engine.dialect
        names = names_of(records) if columns is None else (*key, *columns)
        statement = bulk.update_postgres(table, names, tuple(key), dialect)
        await (await self.driver()).execute(statement, *bulk.parameters(table, names, records, dialect))

    async def take_place(self) -> None:
        """Get a transaction id. A sequence number drawn before it would belong to no open transaction."""
        await (await self.driver()).execute("SELECT pg_current_xact_id()")

    async def run_sync(self, work: Callable[[Connection], T]) -> T:
        """Call `work` through SQLAlchemy's bridge from asynchronous to synchronous code."""
        await self.driver()
        assert self._connection is not None
        return await self._connection.run_sync(work)

    @asynccontextmanager
    async def savepoint(self) -> AsyncIterator[None]:
        """Set a SAVEPOINT, and ROLLBACK TO it when the block raises."""
        driver = await self.driver()
        self._savepoints += 1
        name = f"part_{self._savepoints}"
        await driver.execute(f"SAVEPOINT {name}")
        try:
            with self._undoing():
                yield
        except BaseException as error:
            if not driver.is_closed() and not _is_left_in_mid_answer(error):
                await driver.execute(f"ROLLBACK TO SAVEPOINT {name}")
            raise
        await driver.execute(f"RELEASE SAVEPOINT {name}")

    async def lock_buckets(self, space: int, buckets: Sequence[int], *, exclusive: bool) -> None:
        """Take advisory locks of the transaction in the order given."""
        lock = "pg_advisory_xact_lock" if exclusive else "pg_advisory_xact_lock_shared"
        statement = f"SELECT {lock}($1::int, bucket) FROM unnest($2::int[]) AS bucket"
        await (await self.driver()).execute(statement, space, list(buckets))

    async def try_lock(self, key: bytes) -> bool:
        """Try pg_try_advisory_xact_lock on the first 64 bits of `key`."""
        number = int.from_bytes(key[:8], "big", signed=True)
        return bool(await (await self.driver()).fetchval("SELECT pg_try_advisory_xact_lock($1)", number))

    async def end(self, word: str, *, seconds_max: float | None = None) -> None:
        """Send COMMIT or ROLLBACK, and give the connection back."""
        self._ended = True
        connection, driver = self._connection, self._driver
        if connection is None or driver is None:
            return
        try:
            await driver.execute(word, timeout=seconds_max)
        except BaseException as error:
            if isinstance(error, TimeoutError):
                driver.terminate()
            await connection.invalidate()
            raise
        finally:
            self._connection = self._driver = None
            await connection.close()

    async def commit(self) -> None:
        """Send COMMIT."""
        self._patience.begin_anew()
        await self.end("COMMIT")

    async def abandon(self) -> None:
        """Roll back. A connection that fails to do so is thrown away, and then the server rolls back."""
        if self._driver is not None and self._driver.is_closed():
            assert self._connection is not None
            await self._connection.invalidate()
        if self._connection is None or self._connection.invalidated:
            self._ended, self._connection, self._driver = True, None, None
            return
        try:
            await self.end("ROLLBACK", seconds_max=GIVE_UP_SECONDS_MAX)
        except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError):
            return  # end() has thrown the connection away, so the server rolls back

    async def _begin(self) -> None:
        for _ in range(STALE_CONNECTIONS_MAX):
            connection = await self._engine.connect()
            try:
                driver = cast(asyncpg.Connection, (await connection.get_raw_connection()).driver_connection)
                await driver.execute("BEGIN ISOLATION LEVEL READ COMMITTED")
            except BaseException as error:
                await connection.invalidate()
                await connection.close()
                if is_broken_connection(error):
                    continue
                raise
            self._connection, self._driver = connection, driver
            return
        raise ConnectionError(AWAY)


def _is_left_in_mid_answer(error: BaseException) -> bool:
    """Whether the connection is gone, or an answer that nobody waits for may still come on it."""
    return is_broken_connection(error) or isinstance(error, TimeoutError) or not isinstance(error, Exception)


class _Connection(asyncpg.Connection):  # type: ignore[misc]  # asyncpg has no types
    """A connection that closes quickly although its server hangs: SQLAlchemy would wait two seconds."""

    async def close(self, *, timeout: float | None = None) -> None:
        """Cancel the running statement, and disconnect."""
        await super().close(timeout=GIVE_UP_SECONDS_MAX)
