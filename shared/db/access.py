"""Define `Read` and `Tx`, the two kinds of access to a service's own database."""

import asyncio
import time
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from datetime import datetime
from typing import Any, Literal, TypeVar, TypeVarTuple, cast

from sqlalchemy import Column, Connection, CursorResult, Dialect, Executable, Row, Select, Table
from sqlalchemy.sql.selectable import TypedReturnsRows

from shared.clock import Clock
from shared.db import failures, prepared
from shared.db.prepared import Prepared
from shared.db.records import R, build_records
from shared.db.slots import Slot, Slots
from shared.events.base import Event

DialectName = Literal["postgresql", "sqlite"]
Parameters = Mapping[str, Any] | Sequence[Mapping[str, Any]] | None
Records = Sequence[Any]
"""Records to write: frozen dataclasses of one class, whose fields are column names."""

Ts = TypeVarTuple("Ts")
T = TypeVar("T")


class Patience:
    """The time limit of a transaction for each of its statements, for a server that does not answer."""

    def __init__(self, limit: asyncio.Timeout, seconds_max: float | None) -> None:
        """Allow `seconds_max` per statement, or any time if it is None. `limit` measures the time."""
        self._limit, self._seconds_max = limit, seconds_max

    def begin_anew(self) -> None:
        """Start the time again, because a statement is about to be sent."""
        if self._seconds_max is not None:
            self._limit.reschedule(asyncio.get_running_loop().time() + self._seconds_max)


class Read(ABC):
    """Autocommit access: each statement sees what was committed when it began, and takes no locks."""

    dialect: DialectName

    @abstractmethod
    async def run(
        self, statement: Executable, parameters: Parameters = None
    ) -> CursorResult[*tuple[Any, ...]]:
        """Run one statement and return its whole result."""

    async def all(
        self, statement: TypedReturnsRows[*Ts], parameters: Parameters = None
    ) -> Sequence[Row[*Ts]]:
        """Return every row. A statement with parameters is built once, so it goes to the driver directly."""
        if (asked := self._prepared(statement, parameters)) is None:
            return cast("Sequence[Row[*Ts]]", (await self.run(statement, parameters)).all())
        return asked.rows(await self._fetch(asked, parameters))

    async def first(self, statement: TypedReturnsRows[*Ts], parameters: Parameters = None) -> Row[*Ts] | None:
        """Return the first row, or None if there is none."""
        if (asked := self._prepared(statement, parameters)) is None:
            return cast("Row[*Ts] | None", (await self.run(statement, parameters)).first())
        return next(iter(asked.rows((await self._fetch(asked, parameters))[:1])), None)

    async def one(self, statement: TypedReturnsRows[*Ts], parameters: Parameters = None) -> Row[*Ts]:
        """Return the only row. Raises if there is no row or more than one."""
        return cast("Row[*Ts]", (await self.run(statement, parameters)).one())

    async def read_records(
        self, record: type[R], statement: TypedReturnsRows[*tuple[Any, ...]], parameters: Parameters = None
    ) -> list[R]:
        """Return every row as a record, matched by the names of the columns. Raises TypeError when names differ."""
        if (asked := self._prepared(statement, parameters)) is None:
            return build_records(record, await self.all(statement, parameters))
        return asked.records(record, await self._fetch(asked, parameters))

    async def read_record(
        self, record: type[R], statement: TypedReturnsRows[*tuple[Any, ...]], parameters: Parameters = None
    ) -> R | None:
        """Return the first row as a record, or None if there is no row."""
        if (asked := self._prepared(statement, parameters)) is not None:
            return next(iter(asked.records(record, (await self._fetch(asked, parameters))[:1])), None)
        row = await self.first(statement, parameters)
        return None if row is None else build_records(record, [row])[0]

    async def scalar(self, statement: TypedReturnsRows[T], parameters: Parameters = None) -> T | None:
        """Return the first column of the first row, or None if there is no row."""
        if self._prepared(statement, parameters) is None:
            return cast("T | None", (await self.run(statement, parameters)).scalar())
        row = await self.first(statement, parameters)
        return None if row is None else row[0]

    def _dialect(self) -> Dialect | None:
        """Return the dialect in which statements are written for the driver; None: every statement goes through `run`."""
        return None

    async def _fetch(self, asked: Prepared, parameters: Parameters) -> Sequence[Any]:
        """Run a prepared statement on the driver, and return its rows as the driver gives them."""
        raise NotImplementedError

    def _prepared(self, statement: TypedReturnsRows[*Ts], parameters: Parameters) -> Prepared | None:
        """Return a statement that was built once, ready for the driver; None if it has to be compiled each time."""
        if not isinstance(statement, Select) or not isinstance(parameters, Mapping):
            return None
        dialect = self._dialect()
        return None if dialect is None else prepared.prepare(statement, dialect)


class Tx(Read):
    """One transaction: one request, or one batch of events.

    It begins at its first statement, collects events with `publish`, writes them to the outbox in one statement
    at its end, and commits before the request is answered. The code that opened it ends it: use cases never commit.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._now: datetime | None = None
        self._slots = Slots()
        self.published: list[Event] = []
        """The events that will be written to the outbox at the end, in order."""
        self.traceparent: str | None = None
        """The W3C trace context of the request or record that caused it, carried into event headers."""

    @property
    def now(self) -> datetime:
        """Return the booking time. The first call fixes it, so call it only after the locks are held."""
        if self._now is None:
            self._now = self._clock.now()
        return self._now

    def peek(self) -> datetime:
        """Return the present time without fixing the booking time, for checks before the locks are held."""
        return self._now or self._clock.now()

    def publish(self, *events: Event) -> None:
        """Send these events, in this order, if and only if the transaction commits."""
        self.published.extend(events)

    async def execute(self, statement: Executable, parameters: Parameters = None) -> int:
        """Run one writing statement and return how many rows it touched."""
        return (await self.run(statement, parameters)).rowcount

    def slot(self, slot: Slot[T]) -> T:
        """Return this transaction's value of a slot, such as the wallets it has locked; made when first asked for."""
        return self._slots.value(slot)

    def put_slot(self, slot: Slot[T], value: T) -> None:
        """Set this transaction's value of a slot."""
        self._slots.put(slot, value)

    def drop_slot(self, slot: Slot[Any]) -> None:
        """Forget this transaction's value of a slot."""
        self._slots.drop(slot)

    @abstractmethod
    async def insert_records(self, table: Table[Any], records: Records) -> None:
        """Insert records that cannot conflict, by the fastest way of the database (COPY, executemany)."""

    @abstractmethod
    async def insert_new_records(
        self, table: Table[Any], records: Records, *, returning: Sequence[Column[Any]] = ()
    ) -> list[tuple[Any, ...]]:
        """Insert the records that do not conflict with any unique key.

        Returns `returning` (by default the primary key) of exactly the records that were new. The records are inserted
        in the order given, so sort them by the key.
        """

    @abstractmethod
    async def upsert_records(
        self,
        table: Table[Any],
        records: Records,
        *,
        key: Sequence[str],
        update: Sequence[str] | None = None,
        rising: str | None = None,
    ) -> None:
        """Insert records; where `key` exists, set the columns `update` (by default all that are not key).

        With `rising`, a row stays as it is unless the value of this column becomes greater.
        """

    @abstractmethod
    async def update_records(
        self,
        table: Table[Any],
        records: Records,
        *,
        key: Sequence[str] = ("id",),
        columns: Sequence[str] | None = None,
    ) -> None:
        """Update each row found by `key` with these columns of its record (by default all that are not key)."""

    @abstractmethod
    async def take_place(self) -> None:
        """Get a transaction id before any id of a sequence, so that `shared.db.floor` knows that the transaction is open."""

    @abstractmethod
    async def run_sync(self, work: Callable[[Connection], T]) -> T:
        """Call `work` with a synchronous connection inside the transaction. Only schema tools need this."""

    @abstractmethod
    def savepoint(self) -> AbstractAsyncContextManager[None]:
        """Open a part of the transaction that can fail without the rest.

        An exception undoes the part, the events that it published and the values that it put into slots. The exception
        is raised further.
        """

    @abstractmethod
    async def lock_buckets(self, space: int, buckets: Sequence[int], *, exclusive: bool) -> None:
        """Take these advisory locks in the order given, and hold them until the end. See `shared.db.locks`."""

    @abstractmethod
    async def try_lock(self, key: bytes) -> bool:
        """Try to take the lock `key` without waiting, and return whether it was taken. It is released at the end."""

    @contextmanager
    def _undoing(self) -> Iterator[None]:
        """Restore the values that the transaction holds in memory if the block fails."""
        published, now, saved = len(self.published), self._now, self._slots.begin()
        try:
            yield
        except BaseException:
            del self.published[published:]
            self._slots.restore(saved)
            self._now = now
            raise
        self._slots.keep(saved)


WriteOutbox = Callable[[Tx, Sequence[Event]], Awaitable[None]]
"""A function that writes the events of a transaction to the outbox in one statement."""


class Database(ABC):
    """A service's own database. It opens transactions and reads, and calls listeners when events were published."""

    dialect: DialectName

    def __init__(self, url: str, clock: Clock, write_outbox: WriteOutbox | None) -> None:
        self.url = url
        self.clock = clock
        self.on_published: list[Callable[[], None]] = []
        """Functions that are called after each commit with events, so that the relay of this process sends them at once."""
        self.on_applied: list[Callable[[], None]] = []
        """Functions that are called after a consumer of this process has applied and committed a batch of events."""
        self.full_at: float | None = None
        """The monotonic time at which a transaction last found the disk full."""
        self.damaged = False
        """Whether the database has met damaged pages since the start."""
        self.behind = False
        """Whether the database was found to be behind what it has told others. Then it takes nothing that it would tell."""
        self._write_outbox = write_outbox

    def trace(self) -> object:
        """Return a mark that differs after a commit of any process, for the price of a look at a file; None if there is none."""
        return None

    def room(self) -> int | None:
        """Return the bytes that are free on the disk of the database, or None if this process cannot see its disk."""
        return None

    @asynccontextmanager
    async def begin(self, *, silence_seconds_max: float | None = None) -> AsyncIterator[Tx]:
        """Open a transaction. It is committed when the block ends, and rolled back when the block raises.

        Raises TimeoutError if the server takes longer than `silence_seconds_max` for one statement.
        """
        async with asyncio.timeout(None) as limit:
            tx = self._new_tx(Patience(limit, silence_seconds_max))
            try:
                yield tx
                if tx.published:
                    assert self._write_outbox is not None, (
                        "this database has no outbox: nothing can be published"
                    )
                    if self.behind:
                        raise failures.DatabaseBehind
                    await self._write_outbox(tx, tx.published)
                await self._commit(tx)
            except BaseException as error:
                if failures.is_full_disk(error):
                    self.full_at = time.monotonic()
                self.damaged |= failures.is_damaged(error)
                await self._rollback(tx)
                raise
        if tx.published:
            for wake in self.on_published:
                wake()

    @abstractmethod
    def read(self) -> AbstractAsyncContextManager[Read]:
        """Open autocommit access, for reading."""

    @abstractmethod
    async def close(self) -> None:
        """Close every connection."""

    @abstractmethod
    def _new_tx(self, patience: Patience) -> Tx: ...

    @abstractmethod
    async def _commit(self, tx: Tx) -> None: ...

    @abstractmethod
    async def _rollback(self, tx: Tx) -> None: ...
