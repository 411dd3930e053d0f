"""Damage that a test does to the pages of a SQLite file."""

import sqlite3
from contextlib import closing
from pathlib import Path

EMPTY_INDEX_LEAF, EMPTY_TABLE_LEAF = 10, 13
"""The first byte of the page of a tree that has one page."""


def empty_tree(path: Path, name: str) -> None:
    """Overwrite the root page of a table or an index by an empty leaf."""
    with closing(sqlite3.connect(path)) as database:
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        (size,) = database.execute("PRAGMA page_size").fetchone()
        kind, root = database.execute(
            "SELECT type, rootpage FROM sqlite_schema WHERE name = ?", (name,)
        ).fetchone()
    first = EMPTY_INDEX_LEAF if kind == "index" else EMPTY_TABLE_LEAF
    leaf = bytes([first, 0, 0, 0, 0]) + size.to_bytes(2, "big") + b"\0"
    with path.open("r+b") as file:
        file.seek((root - 1) * size)
        file.write(leaf.ljust(size, b"\0"))
