"""A consistent copy of an embedded home while the product runs in it."""

import os
import shutil
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

from huitou.exits import Exit, Refused

BUSY_SECONDS_MAX = 30.0
OTHER_CONTENTS = ("home.json", "keys")
"""The other contents of a home: the version that wrote it, and its keys."""


def copy_home(home: Path, databases: Sequence[Path], log: Path, target: Path) -> None:
    """Copy all databases as of one instant, and then the log.

    In this order the copied log holds every event that the copied databases have published.

    Raises Refused when the target cannot be used. An unfinished copy is removed.
    """
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise Refused(Exit.USAGE, f"{target} exists and is not an empty folder.")
    unfinished = target.with_name(f".{target.name}.unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    try:
        unfinished.mkdir(mode=0o700, parents=True)
        with _as_of_one_instant(databases) as snapshots:
            for path, snapshot in zip(databases, snapshots, strict=True):
                _copy(snapshot, unfinished / path.name)
        with closing(_open(log)) as opened:
            _copy(opened, unfinished / log.name)
        for name in OTHER_CONTENTS:
            _copy_plain(home / name, unfinished / name)
        if target.exists():
            target.rmdir()
        unfinished.rename(target)
    except BaseException:
        shutil.rmtree(unfinished, ignore_errors=True)
        raise


@contextmanager
def _as_of_one_instant(databases: Sequence[Path]) -> Iterator[list[sqlite3.Connection]]:
    """Open readers that all see the same instant. Every writer waits until the last reader has its view."""
    with ExitStack() as readers:
        snapshots = [readers.enter_context(closing(_open(path))) for path in databases]
        with ExitStack() as writers:
            for path in databases:
                writer = writers.enter_context(closing(_open(path)))
                writer.execute("BEGIN IMMEDIATE")
            for snapshot in snapshots:
                snapshot.execute("BEGIN")
                snapshot.execute("SELECT count(*) FROM sqlite_master").fetchone()
        yield snapshots


def _open(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(f"file:{path}?mode=rw", uri=True, timeout=BUSY_SECONDS_MAX, isolation_level=None)


def _copy(source: sqlite3.Connection, path: Path) -> None:
    with closing(sqlite3.connect(path)) as target:
        source.backup(target)
    with path.open("rb+") as file:
        os.fsync(file.fileno())


def _copy_plain(source: Path, target: Path) -> None:
    if source.is_dir():
        shutil.copytree(source, target)
    elif source.exists():
        shutil.copy2(source, target)
