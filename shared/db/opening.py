"""Open a database by its URL."""

import sqlite3
from pathlib import Path

from sqlalchemy import MetaData, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError

from shared.clock import Clock, SystemClock
from shared.db import failures
from shared.db.access import Database, WriteOutbox
from shared.db.schema import INDEX_NAMES, declared_by

SQLITE_VERSION_MIN = (3, 35, 0)
"""The first SQLite with RETURNING."""
FORM = "postgresql://user:password@host:5432/name"

kernel_metadata = MetaData(
    naming_convention=INDEX_NAMES,
    info=declared_by("kernel", Path(__file__).parent / "kernel_migrations"),
)
"""The tables that every service has: outbox, inbox, positions, set-aside records, idempotency, keys, jobs."""


class UnusableDatabase(Exception):
    """The URL or the library cannot be used; the message says what to do."""


def open_database(
    url: str, *, clock: Clock | None = None, write_outbox: WriteOutbox | None = None
) -> Database:
    """Open the database at `sqlite:///path` or `postgresql://…`. Only the folder of a SQLite file is created.

    Raises UnusableDatabase.
    """
    clock = clock or SystemClock()
    if url.startswith("sqlite:///"):
        if sqlite3.sqlite_version_info < SQLITE_VERSION_MIN:
            raise UnusableDatabase(f"SQLite {sqlite3.sqlite_version} is too old: 3.35 or newer is needed.")
        from shared.db.sqlite import SqliteDatabase

        try:
            return SqliteDatabase(url, clock, write_outbox)
        except DBAPIError as error:
            raise UnusableDatabase(_unusable(url, error)) from None
        except OSError as error:
            raise UnusableDatabase(f"{url} cannot be opened: {error.strerror}.") from None
    for prefix in ("postgresql://", "postgres://", "postgresql+asyncpg://"):
        if url.startswith(prefix):
            from shared.db.postgres import PostgresDatabase
            from shared.db.postgres_url import UnusableUrl

            try:
                return PostgresDatabase(
                    "postgresql+asyncpg://" + url.removeprefix(prefix), clock, write_outbox
                )
            except UnusableUrl as error:
                raise UnusableDatabase(f"{error}.") from None
            except (ArgumentError, ValueError):  # their messages may quote the password
                raise UnusableDatabase(f"It is not of the form {FORM}.") from None
    raise UnusableDatabase(f"A database URL begins with sqlite:/// or is of the form {FORM}.")


def _unusable(url: str, error: DBAPIError) -> str:
    """Say why a file of SQLite cannot be opened, and what to do."""
    if failures.is_damaged(error):
        return f"{url} is damaged ({error.orig}): restore all databases and the event log from one backup."
    return f"{url} cannot be opened ({error.orig}): check the rights of the file and its folder, and `ulimit -n`."


def place_of(url: str) -> tuple[str, str]:
    """Return the host:port and the name of a database, without its user and password."""
    parsed = make_url(url)
    return f"{parsed.host or ''}{f':{parsed.port}' if parsed.port else ''}", parsed.database or ""
