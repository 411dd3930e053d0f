"""The log of the embedded bus: one SQLite file. A commit counts when it is synced to the disk."""

import sqlite3
import struct
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from shared.bus.log_errors import BUSY_SECONDS_MAX, refuse_damaged_table, translated_errors
from shared.bus.packing import checksum, rows_of, unpack
from shared.bus.protocol import (
    BusDamaged,
    Damage,
    LogNewer,
    Message,
    Record,
    RecordRefused,
    TopicPartition,
)
from shared.clock import Clock
from shared.speech import words
from shared.traces import trace_of

SCHEMA_VERSION = 2
WITHOUT_CHECKSUMS = 1
"""The version whose records have no checksum. They are read as they are."""
APPLICATION_ID = 0x48544C47  # "HTLG"
BACKUP_PAGES = -1  # copy in one read transaction: writers go on, and the copy shows one moment
PAGE_RECORDS, PAGE_BYTES = 2_000, 4 << 20
"""The records and bytes of one step where a whole partition is read."""
OFFSET_BITS = 40
OFFSET_MASK = (1 << OFFSET_BITS) - 1

# A record's rowid is its place: the partition's id in the high bits, the offset in the low bits. So one tree holds all
# records, the records of a partition lie together in order, and appending needs no second index. The view is for people.
SCHEMA = f"""
CREATE TABLE partitions (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    topic TEXT NOT NULL,
    partition INTEGER NOT NULL CHECK (partition >= 0),
    first_offset INTEGER NOT NULL DEFAULT 0,
    next_offset INTEGER NOT NULL DEFAULT 0 CHECK (next_offset >= first_offset),
    UNIQUE (topic, partition)
) STRICT;
CREATE TABLE records (
    place INTEGER PRIMARY KEY,
    key BLOB,
    headers BLOB NOT NULL,
    value BLOB,
    timestamp_ms INTEGER NOT NULL,
    checksum INTEGER NOT NULL
) STRICT;
CREATE VIEW log AS
    SELECT topic, partition, place & {OFFSET_MASK} AS "offset", key, headers, value, timestamp_ms
    FROM records JOIN partitions ON partitions.id = records.place >> {OFFSET_BITS};
PRAGMA application_id = {APPLICATION_ID};
PRAGMA user_version = {SCHEMA_VERSION};
"""  # noqa: S608 the inserted numbers are constants of this module

_COLUMNS = "place, key, headers, value, timestamp_ms, checksum"
_INSERT = f"INSERT INTO records ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?)"  # noqa: S608
_SELECT = f"SELECT {_COLUMNS} FROM records WHERE place >= ? AND place < ? ORDER BY place LIMIT ?"  # noqa: S608
_ENDS = f"""
SELECT topic, partition, first_offset, next_offset,
    (SELECT min(place) & {OFFSET_MASK} FROM records WHERE place >= id << {OFFSET_BITS} AND place < (id + 1) << {OFFSET_BITS}),
    (SELECT max(place) & {OFFSET_MASK} FROM records WHERE place >= id << {OFFSET_BITS} AND place < (id + 1) << {OFFSET_BITS})
FROM partitions ORDER BY 1, 2
"""  # noqa: S608 the inserted numbers are constants of this module
_MADE_WITH_THEM = """SELECT 1 FROM pragma_table_info('records') WHERE name = 'checksum' AND "notnull" = 1"""
_ADD_CHECKSUMS = f"""
BEGIN EXCLUSIVE;
ALTER TABLE records ADD COLUMN checksum INTEGER;
PRAGMA user_version = {SCHEMA_VERSION};
COMMIT;
"""


@dataclass(slots=True)
class Extent:
    """The offsets of a partition: `first` is the oldest kept offset, `next` the offset of the next record."""

    id: int
    first: int
    next: int


class Log:
    """Synchronous reads and writes of the log file, which is opened at its first use.

    Every error of the file becomes a BusUnavailable with a sentence.
    """

    def __init__(self, path: Path, clock: Clock) -> None:
        self.path = path
        self._clock = clock
        self._connection: sqlite3.Connection | None = None
        self._extents: dict[TopicPartition, Extent] = {}
        self._trace: object = None
        """The trace of the file when its extents were read last."""
        self._all_have_checksums = False
        """Whether the log was made with checksums. Then damage can make a record look like one that has none."""
        self.damage: Damage | None = None
        """The first damage that was met. From then on nothing is appended: what is sent waits where it can be sent again."""

    def extents(self, *, refresh: bool = False) -> Mapping[TopicPartition, Extent]:
        """Return all partitions as last read. `refresh` reads the file again, because another process may have written."""
        with self._connected() as connection:
            if refresh and (self._trace is None or self._trace != trace_of(self.path)):
                self._read_extents(connection)
        return self._extents

    def extent(self, partition: TopicPartition) -> Extent:
        """Return the extent of a partition. Raises RecordRefused if the log does not have it."""
        extent = self.extents().get(partition) or self.extents(refresh=True).get(partition)
        if extent is None:
            raise RecordRefused(
                f"the log {self.path} has no topic {partition.topic} with a partition {partition.partition}"
            )
        return extent

    def partitions(self, topic: str) -> int:
        """Return the number of partitions of a topic. Raises RecordRefused if it does not exist."""
        for refresh in (False, True):
            count = sum(1 for partition in self.extents(refresh=refresh) if partition.topic == topic)
            if count:
                return count
        raise RecordRefused(f"the log {self.path} has no topic {topic}")

    def ensure_topics(self, topics: Mapping[str, int]) -> None:
        """Create the missing topics with their partitions. Existing topics keep their number of partitions."""
        known = {partition.topic for partition in self.extents(refresh=True)}
        missing = [
            (topic, number)
            for topic, count in topics.items()
            if topic not in known
            for number in range(count)
        ]
        if not missing:
            return
        if self.damage is not None:
            raise BusDamaged(self.damage)
        with self._writing() as connection:
            connection.executemany(
                "INSERT INTO partitions (topic, partition) VALUES (?, ?) ON CONFLICT DO NOTHING", missing
            )
        self.extents(refresh=True)

    def append(self, batches: Sequence[tuple[TopicPartition, Sequence[Message]]]) -> list[int]:
        """Append batches in order, all or none, in one transaction, and return the offset behind each.

        They are on the disk when this returns.
        """
        if self.damage is not None:
            raise BusDamaged(self.damage)
        at = int(self._clock.now().timestamp() * 1000)
        ends: list[tuple[Extent, int]] = []
        with self._writing() as connection:
            for partition, messages in batches:
                extent = self._extents[partition]
                (end,) = connection.execute(
                    "UPDATE partitions SET next_offset = next_offset + ? WHERE id = ? RETURNING next_offset",
                    (len(messages), extent.id),
                ).fetchone()
                place = _place(extent, end - len(messages))
                connection.executemany(_INSERT, rows_of(place, messages, at))
                ends.append((extent, end))
        for extent, end in ends:
            extent.next = end
        return [end for _, end in ends]

    def read(
        self, partition: TopicPartition, offset: int, *, records_max: int, bytes_max: int
    ) -> list[Record]:
        """Return at most `records_max` records from `offset` on, and stop after the record that reaches `bytes_max`.

        Raises BusDamaged if one of them is missing, or is not what was written.
        """
        extent = self.extent(partition)
        with self._connected() as connection:
            read = partial(_read, connection, partition, all_have_checksums=self._all_have_checksums)
            records, damage = read(extent, offset, records_max, bytes_max)
            if damage is not None:  # or another process has pruned the partition meanwhile
                self._read_extents(connection)
                extent = self._extents[partition]
                records, damage = read(extent, offset, records_max, bytes_max)
            if damage is not None:
                raise BusDamaged(damage)
        return records

    def damages(self, topics: Collection[str] | None = None) -> list[Damage]:
        """Read all records of these topics (None: of all), and return the first damage of each partition in order."""
        with self._connected() as connection:
            found = dict(_ends_damaged(connection))
        for partition in list(self.extents(refresh=True)):
            if topics is None or partition.topic in topics:
                try:
                    for _ in self.read_through(partition, records_max=PAGE_RECORDS):
                        pass
                except BusDamaged as error:
                    if error.damage.is_file:
                        return [error.damage]
                    found[partition] = error.damage
        return [damage for place, damage in sorted(found.items()) if topics is None or place.topic in topics]

    def read_through(self, partition: TopicPartition, *, records_max: int) -> Iterator[int]:
        """Read a partition to its end, and yield the next offset after each step. Raises BusDamaged."""
        extent = self.extent(partition)
        offset = extent.first
        while offset < extent.next:
            records = self.read(partition, offset, records_max=records_max, bytes_max=PAGE_BYTES)
            if not records:
                return
            offset = records[-1].offset + 1
            yield offset

    def prune(self, partition: TopicPartition, before: int) -> None:
        """Delete a partition's records below an offset. Later offsets do not change."""
        extent = self.extent(partition)
        before = min(before, extent.next)
        if before <= extent.first:
            return
        with self._writing() as connection:
            connection.execute(
                "DELETE FROM records WHERE place >= ? AND place < ?",
                (_place(extent, 0), _place(extent, before)),
            )
            connection.execute("UPDATE partitions SET first_offset = ? WHERE id = ?", (before, extent.id))
        extent.first = before

    def check(self) -> None:
        """Return if the file is whole as far as is known, and a write can begin. Raises BusUnavailable if not."""
        if self.damage is not None:
            raise BusDamaged(self.damage)
        with self._writing() as connection:
            connection.execute("UPDATE partitions SET first_offset = first_offset WHERE id = -1")

    def copy(self, path: Path) -> None:
        """Copy the log as of one moment to a new file. It uses its own connection, so it may run in a thread."""
        with translated_errors(self.path):
            source = sqlite3.connect(self.path, timeout=BUSY_SECONDS_MAX)
            target = sqlite3.connect(path)
            try:
                source.backup(target, pages=BACKUP_PAGES)
            finally:
                target.close()
                source.close()

    def close(self) -> None:
        """Close the file. The next use opens it again."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None
            self._extents = {}

    @contextmanager
    def _connected(self) -> Iterator[sqlite3.Connection]:
        try:
            with translated_errors(self.path):
                if self._connection is None:
                    connection = self._open()
                    self._all_have_checksums = connection.execute(_MADE_WITH_THEM).fetchone() is not None
                    try:
                        self._read_extents(connection)
                    except BaseException:
                        connection.close()  # the next use looks again
                        raise
                    self._connection = connection
                    self.damage = next((damage for _, damage in _ends_damaged(self._connection)), None)
                yield self._connection
        except BusDamaged as error:
            self.damage = self.damage or error.damage
            raise

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        with self._connected() as connection:
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
                connection.execute("COMMIT")
            except BaseException:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                raise

    def _open(self) -> sqlite3.Connection:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        # Only one event loop uses it, but a test or a command may open it in one thread and close it in another.
        connection = sqlite3.connect(
            self.path, timeout=BUSY_SECONDS_MAX, isolation_level=None, check_same_thread=False
        )
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = FULL")
            connection.execute("PRAGMA foreign_keys = ON")
            connection.execute("PRAGMA recursive_triggers = ON")
            (version,) = connection.execute("PRAGMA user_version").fetchone()
            if version > SCHEMA_VERSION:
                raise LogNewer(words(__name__, "log_newer", path=self.path))
            if version == 0:
                connection.executescript(f"BEGIN EXCLUSIVE; {SCHEMA} COMMIT;")
            elif version == WITHOUT_CHECKSUMS:
                connection.executescript(_ADD_CHECKSUMS)
        except BaseException:
            connection.close()
            raise
        return connection

    def _read_extents(self, connection: sqlite3.Connection) -> None:
        trace = trace_of(self.path)  # before the rows are read, so that a later write changes it
        rows = connection.execute(
            "SELECT id, topic, partition, first_offset, next_offset FROM partitions ORDER BY 2, 3"
        )
        extents = {
            TopicPartition(topic, number): Extent(key, first, end) for key, topic, number, first, end in rows
        }
        if not self._extents or not self._extents.keys() <= extents.keys():
            refuse_damaged_table(connection, self.path)  # a damaged index would look like a log without them
        self._trace, self._extents = trace, extents


def _place(extent: Extent, offset: int) -> int:
    return extent.id << OFFSET_BITS | min(max(offset, 0), OFFSET_MASK)


def _read(
    connection: sqlite3.Connection,
    partition: TopicPartition,
    extent: Extent,
    offset: int,
    records_max: int,
    bytes_max: int,
    *,
    all_have_checksums: bool,
) -> tuple[list[Record], Damage | None]:
    """Return records from an offset on, or the first damage among them."""
    topic, number = partition
    records: list[Record] = []
    expected, size = max(offset, extent.first), 0
    rows = connection.execute(_SELECT, (_place(extent, offset), _place(extent, OFFSET_MASK), records_max))
    for place, key, headers, value, at, stored in rows:
        if place & OFFSET_MASK != expected:
            break
        try:
            is_checked = stored is not None or all_have_checksums
            if is_checked and stored != checksum(place, key, headers, value, at):
                return [], _damage(partition, expected, words(__name__, "record_changed"))
            records.append(Record(topic, number, expected, key, unpack(headers), value, at))
        except (struct.error, UnicodeDecodeError, TypeError):  # a column of another type than was written
            return [], _damage(partition, expected, words(__name__, "record_unreadable"))
        size += len(key or b"") + len(headers) + len(value or b"")
        expected += 1
        if size >= bytes_max:
            break
    rows.close()
    if size < bytes_max and len(records) < records_max and expected < extent.next:
        return [], _damage(partition, expected, words(__name__, "record_missing"))
    return records, None


def _ends_damaged(connection: sqlite3.Connection) -> Iterator[tuple[TopicPartition, Damage]]:
    for topic, number, first, end, lowest, highest in connection.execute(_ENDS):
        partition = TopicPartition(topic, number)
        if lowest is None and first < end:
            yield partition, _damage(partition, first, words(__name__, "record_missing"))
        elif lowest is not None and lowest != first:
            yield partition, _damage(partition, first, words(__name__, "record_first", offset=lowest))
        elif highest is not None and highest + 1 != end:
            place = min(highest + 1, end)
            yield (
                partition,
                _damage(partition, place, words(__name__, "record_last", offset=highest, expected=end - 1)),
            )


def _damage(partition: TopicPartition, offset: int, what: str) -> Damage:
    return Damage(f"{partition.topic}[{partition.partition}], offset {offset}", what)
