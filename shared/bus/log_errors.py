"""Errors and damage of the log file, as a BusUnavailable with a sentence."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from shared.bus.protocol import BusDamaged, BusUnavailable, Damage
from shared.room import has_no_room
from shared.speech import Words, words

BUSY_SECONDS_MAX = 5.0
_DAMAGED = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


def refuse_damaged_table(connection: sqlite3.Connection, path: Path) -> None:
    """Raise BusDamaged if the table of partitions and its index do not have the same rows."""
    (found,) = connection.execute("PRAGMA integrity_check(partitions)").fetchone()
    if found != "ok":
        raise BusDamaged(Damage(str(path), found.splitlines()[0]))


@contextmanager
def translated_errors(path: Path) -> Iterator[None]:
    """Turn an error of the log file into a BusUnavailable that says what is wrong and what to do."""
    try:
        yield
    except sqlite3.Error as error:
        if (getattr(error, "sqlite_errorcode", None) or 0) & 0xFF in _DAMAGED:
            raise BusDamaged(Damage(str(path), str(error), is_file=True)) from error
        raise BusUnavailable(_sentence(path, error)) from error
    except OSError as error:
        raise BusUnavailable(
            words(__name__, "log_cannot_be_opened", path=path, error=error.strerror or error)
        ) from error


def _sentence(path: Path, error: sqlite3.Error) -> Words:
    if has_no_room(error):
        return words(__name__, "log_disk_full", path=path)
    code = getattr(error, "sqlite_errorcode", None)
    match None if code is None else code & 0xFF:
        case sqlite3.SQLITE_IOERR:
            return words(__name__, "log_disk_fails", path=path, error=error)
        case sqlite3.SQLITE_READONLY | sqlite3.SQLITE_CANTOPEN | sqlite3.SQLITE_PERM:
            return words(__name__, "log_rights", path=path)
        case sqlite3.SQLITE_BUSY | sqlite3.SQLITE_LOCKED:
            return words(__name__, "log_busy", path=path, seconds=BUSY_SECONDS_MAX)
        case _:
            return words(__name__, "log_failed", path=path, error=error)
