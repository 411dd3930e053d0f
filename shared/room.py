"""Tell whether an error means that there is no room for more: on a disk, in the share of a user, or in a file."""

import errno
import resource
import sqlite3

NO_ROOM = frozenset((errno.ENOSPC, errno.EDQUOT, errno.EFBIG))
"""The numbers of the errors that mean that a disk, the share of a user or a file may not grow."""
_FAILED_WRITES = (sqlite3.SQLITE_IOERR_WRITE, sqlite3.SQLITE_IOERR_SHMSIZE, sqlite3.SQLITE_IOERR_TRUNCATE)


def has_no_room(error: BaseException) -> bool:
    """Whether a file could not grow. SQLite reports a file at its limit (`ulimit -f`) as a write that failed."""
    if isinstance(error, OSError):
        return error.errno in NO_ROOM
    code = getattr(error, "sqlite_errorcode", None)
    if not isinstance(error, sqlite3.Error) or code is None:
        return False
    if code & 0xFF == sqlite3.SQLITE_FULL:
        return True
    bytes_max, _ = resource.getrlimit(resource.RLIMIT_FSIZE)
    return code in _FAILED_WRITES and bytes_max != resource.RLIM_INFINITY
