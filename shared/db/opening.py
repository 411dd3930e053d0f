"""Open a database by its URL."""

import sqlite3
from pathlib import Path

from sqlalchemy import MetaData, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError

from shared.clock import Clock, SystemClock
from shared.db import failures
from shared.db.access import Database, WriteOutbox
from shared.db.schema import INDEX_NAMES, declared_by
from shared.speech import Words, words

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
            raise UnusableDatabase(words(__name__, "sqlite_old", version=sqlite3.sqlite_version))
        from shared.db.sqlite import SqliteDatabase

        try:
            return SqliteDatabase(url, clock, write_outbox)
        except DBAPIError as error:
            raise UnusableDatabase(_unusable(url, error)) from None
        except OSError as error:
            raise UnusableDatabase(
                words(__name__, "file_not_opened", url=url, error=error.strerror)
            ) from None
    for prefix in ("postgresql://", "postgres://", "postgresql+asyncpg://"):
        if url.startswith(prefix):
            from shared.db.postgres import PostgresDatabase
            from shared.db.postgres_url import UnusableUrl

            try:
                return PostgresDatabase(
                    "postgresql+asyncpg://" + url.removeprefix(prefix), clock, write_outbox
                )
            except UnusableUrl as error:
                raise UnusableDatabase(words(__name__, "as_a_sentence", words=error)) from None
            except (ArgumentError, ValueError):  # their messages may quote the password
                raise UnusableDatabase(words(__name__, "database_form", form=FORM)) from None
    raise UnusableDatabase(words(__name__, "database_scheme", form=FORM))


def _unusable(url: str, error: DBAPIError) -> Words:
    """Say why a file of SQLite cannot be opened, and what to do."""
    name = "file_damaged" if failures.is_damaged(error) else "file_rights"
    return words(__name__, name, url=url, error=error.orig)


def place_of(url: str) -> tuple[str, str]:
    """Return the host:port and the name of a database, without its user and password."""
    parsed = make_url(url)
    return f"{parsed.host or ''}{f':{parsed.port}' if parsed.port else ''}", parsed.database or ""


def place_in_words(url: str) -> str:
    """Return the name of a database and its host, without its user and password."""
    host, database = place_of(url)
    return words(__name__, "database_at", database=database, host=host) if host else database
