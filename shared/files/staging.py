"""Group the rows of a file by their key in a SQLite database of their own: a temporary file, so that memory stays flat however
long the file is, or memory, so that nothing of a short file reaches a disk."""

import asyncio
import hashlib
import json
import sqlite3
import tempfile
import threading
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, closing, contextmanager
from dataclasses import asdict, dataclass, field
from itertools import islice
from pathlib import Path
from typing import Literal

from shared.files.row_error import RowError
from shared.files.rows import Row

INSERTED_AT_ONCE = 1_000
DOUBTFUL_MAX = 1_000
"""The most rows in sequence that cannot be read and are held until the next readable row tells whose they may be."""
INSTRUCTIONS_BETWEEN_LOOKS = 10_000
"""The instructions of SQLite, some tenths of a millisecond, after which a grouping looks whether its caller has left."""
CLOSED_WITHIN_SECONDS = 5.0
"""The longest wait for the closing of a database. A database that takes longer is closed later, by its thread."""

_TABLES = """
CREATE TABLE row (
    number INTEGER PRIMARY KEY,
    key TEXT NOT NULL,    -- its id in the only spelling; of a row that cannot be read a guess
    around TEXT,          -- of a row that cannot be read: the key of the rows before and behind it, if that is one
    block INTEGER,        -- the number of the first row of the adjacent rows with its key; NULL if it cannot be read
    chain BLOB,           -- a digest of the rows of the block up to this one
    cells TEXT NOT NULL,
    error TEXT,
    related TEXT          -- the name of what its entry shares with other entries; NULL if it shares nothing
);
CREATE TABLE summed (key TEXT PRIMARY KEY, amount INTEGER NOT NULL) WITHOUT ROWID;
"""
_GROUPED = """
CREATE INDEX row_key ON row (key);
CREATE TABLE readable AS SELECT DISTINCT key FROM row WHERE block IS NOT NULL;
UPDATE row SET key = coalesce(around, key || char(10) || number)
    WHERE block IS NULL AND key NOT IN (SELECT key FROM readable);
CREATE TABLE block AS
    SELECT key, block, chain AS content, max(number) FROM row WHERE block IS NOT NULL GROUP BY block;
CREATE TABLE repeated AS
    SELECT block FROM (
        SELECT block, content, first_value(block) OVER earlier AS first, first_value(content) OVER earlier AS first_content
        FROM block WINDOW earlier AS (PARTITION BY key ORDER BY block)
    ) WHERE block > first AND content = first_content;
CREATE TABLE counted AS SELECT count(*) AS rows, (SELECT count(*) FROM repeated) AS repeated FROM row;
DELETE FROM row WHERE block IN (SELECT block FROM repeated);
CREATE TABLE grouped AS
    SELECT key, first, rows, related FROM
        (SELECT key, min(number) AS first, count(*) AS rows, coalesce(max(related), key) AS related FROM row GROUP BY key)
    ORDER BY min(first) OVER (PARTITION BY related), first;
"""

ReadCells = Callable[[list[str]], str | None]
"""Reads a text from the cells of a row; None if there is none."""


def _nothing(_: list[str]) -> None:
    """Read nothing from a row."""


@dataclass(frozen=True, slots=True)
class StagedRow(Row):
    """A row with the first row of the adjacent rows with the same key; None if it cannot be read."""

    block: int | None = None


@dataclass(frozen=True, slots=True)
class Group:
    """The rows of one key, in the sequence of the file."""

    position: int
    """Its place among the groups, from 1: they come in the sequence of their first rows, related ones together."""
    rows_count: int
    rows: list[StagedRow]
    """The first of them, as many as were asked for."""
    related: str
    """The name of what it shares with other groups; its own key if it shares nothing."""


@dataclass(frozen=True, slots=True)
class Sums:
    """Running sums by a key. They are on disk, because a file may have any number of keys."""

    _connection: sqlite3.Connection = field(repr=False)

    def of(self, key: str) -> int:
        """Return the sum of a key; 0 if nothing was added."""
        found = self._connection.execute("SELECT amount FROM summed WHERE key = ?", (key,)).fetchone()
        return int(found[0]) if found else 0

    def add(self, key: str, amount: int) -> None:
        """Add to the sum of a key."""
        self._connection.execute(
            "INSERT INTO summed VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET amount = amount + excluded.amount",
            (key, amount),
        )


@dataclass(frozen=True, slots=True)
class Staged:
    """A file, grouped."""

    rows: int
    """All rows of the file, the header apart."""
    groups: int
    repeated: int
    """The number of times that the file has all rows of a key again, word for word and not adjacent. They are in no group."""
    sums: Sums
    """The sums of the entries that were taken; 0 at the start."""
    _connection: sqlite3.Connection = field(repr=False)

    def first_row(self, position: int) -> int:
        """Return the number of the first row of the group at a position."""
        (first,) = self._connection.execute(
            "SELECT first FROM grouped WHERE rowid = ?", (position,)
        ).fetchone()
        return int(first)

    def read(self, positions: Iterable[int], *, rows_max: int) -> Iterator[Group]:
        """Yield the groups at these positions, each with at most `rows_max` rows."""
        for position in positions:
            key, rows_count, related = self._connection.execute(
                "SELECT key, rows, related FROM grouped WHERE rowid = ?", (position,)
            ).fetchone()
            found = self._connection.execute(
                "SELECT number, cells, error, block FROM row WHERE key = ? ORDER BY number LIMIT ?",
                (key, rows_max),
            )
            yield Group(position, rows_count, [_row(*columns) for columns in found], related)


@dataclass(frozen=True, slots=True)
class Staging:
    """A database into which the rows of a file are put, to be grouped when all are there."""

    _connection: sqlite3.Connection = field(repr=False)

    def add(self, rows: Iterable["KeyedRow"]) -> None:
        """Put some rows in."""
        self._connection.execute("BEGIN")
        self._connection.executemany("INSERT INTO row VALUES (?, ?, ?, ?, ?, ?, ?, ?)", rows)
        self._connection.execute("COMMIT")

    def group(self) -> Staged:
        """Group the rows. It may run in another thread, if nothing else uses the database meanwhile."""
        self._connection.executescript(_GROUPED)
        count, repeated = self._connection.execute("SELECT rows, repeated FROM counted").fetchone()
        (groups,) = self._connection.execute("SELECT count(*) FROM grouped").fetchone()
        return Staged(count, groups, repeated, Sums(self._connection), self._connection)


@dataclass(frozen=True, slots=True)
class ThreadedStaging(Staging):
    """A database in memory with a thread of its own, which groups the rows while the event loop serves others."""

    _thread: ThreadPoolExecutor = field(repr=False)

    async def group_beside(self) -> Staged:
        """Group the rows in the thread."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, self.group)


@asynccontextmanager
async def opened_with_thread() -> AsyncIterator[ThreadedStaging]:
    """Open a database in memory for one file. The thread that groups its rows closes it too.

    A caller that is cancelled stops the grouping. The closing waits in the thread until the grouping has stopped, so nothing
    takes the connection away from a statement that runs, however often the caller is cancelled.
    """
    connection, left = _connected(":memory:", temporary="MEMORY"), threading.Event()
    # Unlike `interrupt`, which a thread between two statements does not notice, this stops each statement to come.
    connection.set_progress_handler(left.is_set, INSTRUCTIONS_BETWEEN_LOOKS)
    thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="staging")
    try:
        yield ThreadedStaging(connection, thread)
    finally:
        left.set()
        closed = asyncio.get_running_loop().run_in_executor(thread, connection.close)
        thread.shutdown(wait=False)
        await asyncio.wait({closed}, timeout=CLOSED_WITHIN_SECONDS)


def _connected(place: str | Path, *, temporary: Literal["FILE", "MEMORY"]) -> sqlite3.Connection:
    """Return a connection to a new database with its tables."""
    connection = sqlite3.connect(place, isolation_level=None, check_same_thread=False)
    connection.executescript(
        f"PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA temp_store = {temporary};"
    )
    connection.executescript(_TABLES)
    return connection


@contextmanager
def staged(rows: Iterable[Row], key_of: ReadCells, related_of: ReadCells = _nothing) -> Iterator[Staged]:
    """Group rows by the key that `key_of` reads from their cells (None if there is none), in a temporary file.

    Groups for which `related_of` reads the same text follow each other.

    A row that cannot be read belongs to the key that it seems to name, if some readable row has it. Otherwise it belongs
    to the rows before and behind it if they have one key, and else it is alone.
    """
    with (
        tempfile.TemporaryDirectory(prefix="huitou-import-") as folder,
        closing(_connected(Path(folder) / "rows.db", temporary="FILE")) as connection,
    ):
        staging = Staging(connection)
        keyed = keyed_rows(rows, key_of, related_of)
        while some := list(islice(keyed, INSERTED_AT_ONCE)):
            staging.add(some)
        yield staging.group()


KeyedRow = tuple[int, str, str | None, int | None, bytes | None, str, str | None, str | None]


def keyed_rows(
    rows: Iterable[Row], key_of: ReadCells, related_of: ReadCells = _nothing
) -> Iterator[KeyedRow]:
    """Yield the rows as they are put into a staging, each with its key."""
    before: str | None = None
    block, chain = 0, b""
    doubtful: list[tuple[str, Row]] = []
    for row in rows:
        key = key_of(row.cells) or f"\n{row.number}"
        if row.error is not None:
            doubtful.append((key, row))
            if len(doubtful) == DOUBTFUL_MAX:
                yield from _doubtful(doubtful, None)
                doubtful = []
            continue
        yield from _doubtful(doubtful, key if key == before else None)
        doubtful = []
        if key != before:
            block, chain = row.number, b""
        cells = json.dumps(row.cells, ensure_ascii=False)
        chain = hashlib.sha256(chain + cells.encode("utf-8", "surrogatepass")).digest()
        before = key
        yield row.number, key, None, block, chain, cells, None, related_of(row.cells)
    yield from _doubtful(doubtful, None)


def _doubtful(rows: Iterable[tuple[str, Row]], around: str | None) -> Iterator[KeyedRow]:
    for key, row in rows:
        assert row.error is not None
        yield row.number, key, around, None, None, json.dumps(row.cells), json.dumps(asdict(row.error)), None


def _row(number: int, cells: str, error: str | None, block: int | None) -> StagedRow:
    return StagedRow(number, json.loads(cells), RowError(**json.loads(error)) if error else None, block)
