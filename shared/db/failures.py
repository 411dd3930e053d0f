"""Tell what a database error means: an outage, a lost race, a row that was refused, or a bug."""

import sqlite3

import asyncpg
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from shared.room import has_no_room


class DatabaseBehind(Exception):
    """The database has lost rows that it had told others about. Nothing is told or taken until somebody decides."""


class DatabaseDamaged(Exception):
    """The tables of the database and their indexes contradict each other."""


_LOST_RACE = {"40001", "40P01"}
"""serialization_failure and deadlock_detected: the same work succeeds when it is done again."""
_OUTAGE_CLASSES = ("08", "53", "57", "58")
"""Connection exceptions, insufficient resources, operator intervention, system errors."""
_REFUSED = {"3D000", "28P01", "28000"}
"""invalid_catalog_name, invalid_password, invalid_authorization_specification: no such database, no such user."""
_LOCKED = "55P03"
"""lock_not_available: another transaction uses what this one must have alone."""
_IDLE = "25P03"
"""idle_in_transaction_session_timeout: the server has ended a transaction that stood still."""
_FATAL = {"FATAL", "PANIC"}
"""The severities with which PostgreSQL ends a session, for its own reasons: with a full disk it may refuse a new one as an internal
error (XX000)."""
_ROW_CLASSES = ("22", "23")
"""Data exceptions and integrity constraint violations."""
_DRIVER_LOST = (asyncpg.InterfaceError, asyncpg.InternalClientError)
"""Errors that asyncpg raises on a connection that is gone. The second one means that it went in the middle of a message."""
_DAMAGE = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}
_SQLITE_OUTAGE = {
    sqlite3.SQLITE_BUSY,
    sqlite3.SQLITE_LOCKED,
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_CANTOPEN,
}


def is_broken_connection(error: BaseException) -> bool:
    """Whether the connection is gone, and with it everything that was not committed."""
    if isinstance(error, DBAPIError):
        return error.connection_invalidated
    if isinstance(error, asyncpg.PostgresError):
        return _sqlstate(error)[:2] == "08" or _sqlstate(error) in {"57P01", "57P02", _IDLE}
    return isinstance(error, (*_DRIVER_LOST, ConnectionResetError, BrokenPipeError))


def is_lost_race(error: BaseException) -> bool:
    """Whether the work can simply be done again: a deadlock or a serialisation failure."""
    return _sqlstate(error) in _LOST_RACE


def is_transient(error: BaseException) -> bool:
    """Whether the database is the cause and not the work: it is away, refuses us, is full, slow or damaged, or a race was lost."""
    if isinstance(error, DBAPIError) and error.connection_invalidated:
        return True
    if isinstance(error, (*_DRIVER_LOST, PoolTimeout, OSError, TimeoutError, DatabaseBehind)):
        return True
    if (code := _sqlite_code(error)) is not None:
        return code & 0xFF in _SQLITE_OUTAGE | _DAMAGE
    state = _sqlstate(error)
    return (
        state in _LOST_RACE
        or state in _REFUSED
        or state in {_IDLE, _LOCKED}
        or state[:2] in _OUTAGE_CLASSES
        or _is_fatal(error)
        or is_damaged(error)
    )


def is_damaged(error: BaseException) -> bool:
    """Whether the database has found that its own pages are damaged."""
    code = _sqlite_code(error)
    return (
        isinstance(error, DatabaseDamaged)
        or (code is not None and code & 0xFF in _DAMAGE)
        or _sqlstate(error) in {"XX001", "XX002"}
    )


def is_refused(error: BaseException) -> bool:
    """Whether the server answers but refuses the connection: it does not know the database, the user or the password."""
    return _sqlstate(error) in _REFUSED


def is_locked(error: BaseException) -> bool:
    """Whether another transaction uses a table that this one must have alone."""
    return _sqlstate(error) == _LOCKED


def is_row_refused(error: BaseException) -> bool:
    """Whether a constraint or a type refused the row itself, so that a second try would be refused too."""
    if (code := _sqlite_code(error)) is not None:
        return code & 0xFF in {sqlite3.SQLITE_CONSTRAINT, sqlite3.SQLITE_MISMATCH, sqlite3.SQLITE_TOOBIG}
    return _sqlstate(error)[:2] in _ROW_CLASSES


def is_full_disk(error: BaseException) -> bool:
    """Whether the disk is full: the database's, or the one of a file beside it."""
    origin = error.orig if isinstance(error, DBAPIError) else error
    return (origin is not None and has_no_room(origin)) or _sqlstate(error) == "53100"


def _sqlstate(error: BaseException | None) -> str:
    """Return the SQLSTATE of a PostgreSQL error, wrapped or not, or an empty text for any other error."""
    if isinstance(error, DBAPIError):
        error = error.orig
    state = getattr(error, "sqlstate", None)
    return state if isinstance(state, str) else ""


def _is_fatal(error: BaseException) -> bool:
    """Whether the server has ended the session with this error, or refused to begin one."""
    if isinstance(
        error, DBAPIError
    ):  # SQLAlchemy translates the error of the driver, which is the cause of its own
        return error.orig is not None and error.orig.__cause__ is not None and _is_fatal(error.orig.__cause__)
    return getattr(error, "severity_en", None) in _FATAL


def _sqlite_code(error: BaseException | None) -> int | None:
    if isinstance(error, DBAPIError):
        error = error.orig
    return getattr(error, "sqlite_errorcode", None) if isinstance(error, sqlite3.Error) else None
