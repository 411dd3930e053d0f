"""The lease of a service: the process that holds it relays the outbox and runs the periodic jobs.

On PostgreSQL the lease is a session advisory lock on its own connection. Such a lock alone is never taken over from a
process that hangs. So the server ends a silent session (`idle_session_timeout`), and the holder sends heartbeats and checks
its own clock before each send and each mark. On SQLite the lease is a lock on a file, which ends with the process.
"""

import asyncio
import fcntl
import os
import time
from abc import ABC, abstractmethod
from pathlib import Path
from zlib import crc32

import asyncpg
from sqlalchemy import func, select, text

from shared import logs
from shared.db import Read
from shared.db.locks import LEASE_SPACE
from shared.db.postgres_url import connect_arguments

SESSION_SECONDS = 5
"""The server ends the session, and with it the lock, after this many seconds of silence."""
HELD_SECONDS = 4.0
"""Seconds for which the holder trusts its lease after a heartbeat. It is less than SESSION_SECONDS."""
HEARTBEAT_SECONDS = 1.0
RETRY_SECONDS = 1.0
_AWAY = (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError)

log = logs.named(__name__, keys=("error_type", "lease"))


class LeaseLost(Exception):
    """The lease is no longer certain. The process must stop at once, because another process may hold the lease."""


class Lease(ABC):
    """A right that at most one process has at a time."""

    @abstractmethod
    async def acquire(self) -> None:
        """Wait until this process holds the lease."""

    @abstractmethod
    def held(self) -> bool:
        """Return whether the lease is certainly still held, by the clock of this process."""

    @abstractmethod
    async def release(self) -> None:
        """Give up the lease, so that the next process need not wait."""

    def check(self) -> None:
        """Raise LeaseLost unless the lease is certainly still held."""
        if not self.held():
            raise LeaseLost


class PostgresLease(Lease):
    """A session advisory lock with a heartbeat."""

    def __init__(self, url: str, name: str) -> None:
        self._arguments = connect_arguments(url)
        self._lease = name
        self._number = _lock_number(name)
        self._quiet = logs.QuietLog(log)
        self._connection: asyncpg.Connection | None = None
        self._heartbeat: asyncio.Task[None] | None = None
        self._certain_until = 0.0

    async def acquire(self) -> None:
        """Try once per second until the lease is held, also while the database is unreachable."""
        await self.release()
        while not await self._try():  # noqa: ASYNC110 - the holder is another process and cannot tell us
            await asyncio.sleep(RETRY_SECONDS)
        self._heartbeat = asyncio.create_task(self._beat())

    def held(self) -> bool:
        """Return whether less than HELD_SECONDS have passed since the last answered heartbeat was sent."""
        return time.monotonic() < self._certain_until

    async def release(self) -> None:
        """Close the session."""
        self._certain_until = 0.0
        heartbeat, self._heartbeat = self._heartbeat, None
        if heartbeat is not None:
            heartbeat.cancel()
            await asyncio.gather(heartbeat, return_exceptions=True)
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.terminate()

    async def _try(self) -> bool:
        try:
            if self._connection is None or self._connection.is_closed():
                settings = {
                    "idle_session_timeout": str(SESSION_SECONDS * 1000),
                    "tcp_keepalives_idle": "2",
                    "tcp_keepalives_interval": "1",
                    "tcp_keepalives_count": "3",
                }
                self._connection = await asyncpg.connect(
                    timeout=SESSION_SECONDS,
                    command_timeout=SESSION_SECONDS,
                    **self._arguments
                    | {"server_settings": self._arguments.get("server_settings", {}) | settings},
                )
            sent = time.monotonic()
            statement = "SELECT pg_try_advisory_lock($1::int, $2::int)"
            if await self._connection.fetchval(statement, LEASE_SPACE, self._number):
                self._certain_until = sent + HELD_SECONDS
                return True
            self._quiet.over("the lease can be asked for again", lease=self._lease)
        except _AWAY as error:
            self._quiet.warning(
                "the lease cannot be asked for and its service does not relay from here: see that its database answers",
                lease=self._lease,
                error_type=type(error).__name__,
            )
            connection, self._connection = self._connection, None
            if connection is not None:
                connection.terminate()
        return False

    async def _beat(self) -> None:
        """Extend the certain time with each answered heartbeat. The first failure ends it."""
        assert self._connection is not None
        try:
            while True:
                await asyncio.sleep(HEARTBEAT_SECONDS)
                sent = time.monotonic()
                await self._connection.execute("SELECT 1")
                self._certain_until = sent + HELD_SECONDS
        except _AWAY:
            self._certain_until = 0.0


class FileLease(Lease):
    """An exclusive lock on a file, which the operating system releases when the process dies."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: int | None = None

    async def acquire(self) -> None:
        """Try once per second until the file is free."""
        while not self.try_acquire():  # noqa: ASYNC110 - the holder is another process and cannot tell us
            await asyncio.sleep(RETRY_SECONDS)

    def try_acquire(self) -> bool:
        """Try to lock the file without waiting, and return whether the lease is held now."""
        if self._file is not None:
            return True
        self._path.parent.mkdir(parents=True, exist_ok=True)
        file = os.open(self._path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(file)
            return False
        self._file = file
        return True

    def held(self) -> bool:
        """Return whether this object has locked the file."""
        return self._file is not None

    async def release(self) -> None:
        """Close the file."""
        file, self._file = self._file, None
        if file is not None:
            os.close(file)


async def somebody_leads(read: Read, home: Path, service: str) -> bool:
    """Return whether any process holds the lease of the service now, by asking the database server or the file."""
    if read.dialect == "sqlite":
        return _is_locked(home / f"{service}.lease")
    held = await read.scalar(_HOLDERS, {"space": LEASE_SPACE, "number": _lock_number(service)})
    return bool(held)


def _is_locked(path: Path) -> bool:
    """Return whether a process has an exclusive lock on the file. It tries a shared lock and releases it at once."""
    try:
        file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    else:
        return False
    finally:
        os.close(file)


def open_lease(database_url: str, home: Path, service: str) -> Lease:
    """Return the lease of a service, which lies beside its database."""
    if database_url.startswith("sqlite:"):
        return FileLease(home / f"{service}.lease")
    return PostgresLease(database_url, service)


def _lock_number(service: str) -> int:
    """Return the number of a service's lock: 31 bits, because PostgreSQL takes a signed integer."""
    return crc32(service.encode()) & 0x7FFFFFFF


_HOLDERS = (
    select(func.count())
    .select_from(text("pg_locks"))
    .where(
        text(
            "locktype = 'advisory' AND granted AND objsubid = 2"
            " AND classid::bigint = :space AND objid::bigint = :number"
            " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
        )
    )
)
