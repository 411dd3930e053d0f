"""Notice that a SQLite file was written to, by any process, without asking SQLite."""

import os
from pathlib import Path


def trace_of(path: Path) -> tuple[int, int] | None:
    """Return what a commit changes in the write-ahead log of a file, its size or its time; None if it has no such log."""
    try:
        log = os.stat(f"{path}-wal")
    except OSError:
        return None
    return log.st_size, log.st_mtime_ns
