"""Damage of the embedded log is told: never guessed, never skipped. The damage is done to the file by a seed."""

import asyncio
import random
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import pytest

from shared.bus import BusDamaged, BusUnavailable, Message, Record, RecordRefused, TopicPartition, embedded
from shared.bus.embedded import EmbeddedBus
from shared.bus.log import SCHEMA_VERSION
from tests.parts.damage import empty_tree
from tests.shared.bus.member import Member, message, until

RECORDS = 40
BIG = 40
FLIPS = 60
HERE, THERE = TopicPartition("t", 0), TopicPartition("t", 1)


async def filled(path: Path, *, large: bool = False) -> list[Record]:
    """Write a log with two partitions, and return the records of the first one."""
    bus = EmbeddedBus(path)
    await bus.ensure_topics({"t": 2})
    producer = await bus.producer()
    for number in range(RECORDS):
        value = b"%d " % number * (200 if large else BIG)
        sent = [Message(f"k{number}", (("ce_id", b"%d" % number),), value)]
        await asyncio.gather(*(producer.send("t", partition, sent) for partition in (0, 1)))
    records = await bus.read(HERE, 0, RECORDS)
    await bus.close()
    return records


def change(path: Path, *statements: str) -> None:
    with closing(sqlite3.connect(path)) as database:
        for statement in statements:
            database.execute(statement)
        database.commit()


async def damages(path: Path) -> list[str]:
    """Return the places that `huitou verify` would name; the file itself if it cannot be read."""
    bus = EmbeddedBus(path)
    try:
        return [damage.where for damage in await bus.examine(["t"])]
    except BusDamaged as error:
        return [error.damage.where]
    finally:
        await bus.close()


async def test_a_whole_log_has_no_damage(tmp_path: Path) -> None:
    await filled(tmp_path / "log.db")
    assert await damages(tmp_path / "log.db") == []


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE records SET value = CAST('x' || substr(value, 2) AS BLOB) WHERE place & 0xffffffff = 7 AND place >> 40 = 1",
        "UPDATE records SET key = CAST('k8' AS BLOB) WHERE place & 0xffffffff = 7 AND place >> 40 = 1",
        "UPDATE records SET key = NULL WHERE place & 0xffffffff = 7 AND place >> 40 = 1",
        "UPDATE records SET headers = zeroblob(0) WHERE place & 0xffffffff = 7 AND place >> 40 = 1",
        "UPDATE records SET timestamp_ms = timestamp_ms + 1 WHERE place & 0xffffffff = 7 AND place >> 40 = 1",
        "UPDATE records SET checksum = checksum - 1 WHERE place & 0xffffffff = 7 AND place >> 40 = 1",
        "DELETE FROM records WHERE place & 0xffffffff = 7 AND place >> 40 = 1",
    ],
)
async def test_a_record_that_is_changed_or_missing_is_told_where_it_stands(
    tmp_path: Path, statement: str
) -> None:
    path = tmp_path / "log.db"
    await filled(path)
    change(path, statement)

    bus = EmbeddedBus(path)
    assert len(await bus.read(HERE, 0, 7)) == 7, "what lies before is whole"
    with pytest.raises(BusDamaged, match=r"t\[0\], offset 7"):
        await bus.read(HERE, 0, RECORDS)
    assert bus.damage is not None
    with pytest.raises(BusDamaged):
        await bus.check()
    assert len(await bus.read(THERE, 0, RECORDS)) == RECORDS, "the other partition is whole"
    await bus.close()
    assert await damages(path) == ["t[0], offset 7"]


@pytest.mark.parametrize(
    ("statement", "where"),
    [
        ("DELETE FROM records WHERE place >> 40 = 1 AND place & 0xffffffff >= 30", "t[0], offset 30"),
        ("DELETE FROM records WHERE place >> 40 = 1 AND place & 0xffffffff < 3", "t[0], offset 0"),
        ("DELETE FROM records WHERE place >> 40 = 1", "t[0], offset 0"),
        ("UPDATE partitions SET next_offset = 35 WHERE id = 1", "t[0], offset 35"),
        ("UPDATE partitions SET first_offset = 2 WHERE id = 1", "t[0], offset 2"),
    ],
)
async def test_a_cut_partition_is_known_as_soon_as_the_log_is_opened(
    tmp_path: Path, statement: str, where: str
) -> None:
    path = tmp_path / "log.db"
    await filled(path)
    change(path, statement)

    bus = EmbeddedBus(path)
    await bus.ensure_topics({"t": 2})
    assert bus.damage is not None
    assert bus.damage.where == where
    producer = await bus.producer()
    with pytest.raises(BusDamaged):
        await producer.send("t", 1, [message("not written")])
    await bus.close()
    assert await damages(path) == [where]


async def test_a_consumer_stops_before_the_damage_and_goes_on_when_the_log_is_restored(
    tmp_path: Path,
) -> None:
    path = tmp_path / "log.db"
    records = await filled(path)
    whole = path.read_bytes()
    change(path, "DELETE FROM records WHERE place >> 40 = 1 AND place & 0xffffffff = 7")
    bus = EmbeddedBus(path)
    member = await Member().join(bus, "g", "t")
    await until(lambda: bus.damage is not None)
    assert [record for record in member.records if record.partition == 0] == []
    await member.leave()
    await bus.close()

    path.write_bytes(whole)
    bus = EmbeddedBus(path)
    assert await bus.read(HERE, 0, RECORDS) == records
    await bus.check()
    await bus.close()


@pytest.mark.parametrize("seed", range(4))
async def test_any_flipped_byte_of_the_file_changes_nothing_or_is_told(tmp_path: Path, seed: int) -> None:
    path = tmp_path / "log.db"
    records = await filled(path, large=seed % 2 == 1)
    whole, chance = path.read_bytes(), random.Random(seed)
    told = 0
    for _ in range(FLIPS):
        content = bytearray(whole)
        content[chance.randrange(len(content))] ^= 1 << chance.randrange(8)
        told += await _is_told(path, bytes(content), records)
    assert told > 0, "some bytes of the file belong to records"


@pytest.mark.parametrize(
    "column", ["checksum = NULL", "headers = CAST(headers AS TEXT)", "key = CAST(key AS TEXT)"]
)
async def test_a_column_that_damage_has_given_another_type_is_told(tmp_path: Path, column: str) -> None:
    """A flipped byte in the head of a row does so, in a table that takes no such value otherwise."""
    path = tmp_path / "log.db"
    await filled(path)
    strict, lax = "checksum INTEGER NOT NULL\n) STRICT", "checksum INTEGER\n)"
    rewrite = "UPDATE sqlite_master SET sql = replace(sql, '{}', '{}') WHERE name = 'records'"
    change(path, "PRAGMA writable_schema = ON", rewrite.format(strict, lax))
    change(path, f"UPDATE records SET {column} WHERE place & 0xffffffff = 7 AND place >> 40 = 1")
    change(path, "PRAGMA writable_schema = ON", rewrite.format(lax, strict))

    assert await damages(path) == ["t[0], offset 7"]


@pytest.mark.parametrize("part", [0.3, 0.5, 0.75, 0.95])
async def test_a_file_that_was_cut_is_told(tmp_path: Path, part: float) -> None:
    path = tmp_path / "log.db"
    records = await filled(path, large=True)
    whole = path.read_bytes()
    assert await _is_told(path, whole[: int(len(whole) * part)], records)


async def _is_told(path: Path, content: bytes, records: Sequence[Record]) -> bool:
    """Return whether damage is told; if it is not, everything must be as it was written."""
    path.write_bytes(content)
    for beside in ("-wal", "-shm"):
        path.with_name(path.name + beside).unlink(missing_ok=True)
    bus = EmbeddedBus(path)
    try:
        if await bus.examine(["t"]):
            return True
        assert await bus.read(HERE, 0, RECORDS) == records
        assert len(await bus.read(THERE, 0, RECORDS)) == RECORDS
    except (BusUnavailable, RecordRefused):
        return True
    finally:
        await bus.close()
    return False


async def test_records_of_a_log_of_before_are_read_as_they_are_and_new_ones_have_checksums(
    tmp_path: Path,
) -> None:
    path = tmp_path / "log.db"
    records = await filled(path)
    change(path, "ALTER TABLE records DROP COLUMN checksum", "PRAGMA user_version = 1")

    bus = EmbeddedBus(path)
    assert await bus.read(HERE, 0, RECORDS) == records
    await (await bus.producer()).send("t", 0, [message("new")])
    assert len(await bus.read(HERE, 0, RECORDS + 1)) == RECORDS + 1
    await bus.close()
    with closing(sqlite3.connect(path)) as database:
        counted = database.execute("SELECT count(*), count(checksum) FROM records").fetchone()
        (version,) = database.execute("PRAGMA user_version").fetchone()
    assert (counted, version) == ((2 * RECORDS + 1, 1), SCHEMA_VERSION)
    change(path, "DELETE FROM records WHERE place >> 40 = 1 AND place & 0xffffffff = 7")
    assert await damages(path) == ["t[0], offset 7"]


async def test_a_pruned_log_is_whole_also_for_a_process_that_had_it_open(tmp_path: Path) -> None:
    path = tmp_path / "log.db"
    records = await filled(path)
    ours, theirs = EmbeddedBus(path), EmbeddedBus(path)
    assert len(await ours.read(HERE, 0, RECORDS)) == RECORDS
    await theirs.prune(HERE, 9)
    await theirs.prune(THERE, RECORDS)
    assert await ours.read(HERE, 0, RECORDS) == records[9:]
    assert await ours.read(THERE, 0, RECORDS) == []
    assert ours.damage is None
    await ours.close()
    await theirs.close()
    assert await damages(path) == []


async def test_the_watch_meets_damage_that_nobody_reads(tmp_path: Path) -> None:
    path = tmp_path / "log.db"
    await filled(path)
    change(path, "UPDATE records SET value = zeroblob(3) WHERE place >> 40 = 2 AND place & 0xffffffff = 20")
    bus = EmbeddedBus(path)
    watching = asyncio.create_task(bus.watch())
    await until(lambda: bus.damage is not None)
    watching.cancel()
    assert bus.damage is not None
    assert bus.damage.where == "t[1], offset 20"
    await bus.close()


async def test_the_watch_looks_again_soon_after_an_outage(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "log.db"
    await filled(path)
    change(path, "UPDATE records SET value = zeroblob(3) WHERE place >> 40 = 2 AND place & 0xffffffff = 20")
    monkeypatch.setattr("shared.bus.embedded.WATCH_AGAIN_SECONDS", 0.05)
    monkeypatch.setattr("shared.bus.log.BUSY_SECONDS_MAX", 0.05)
    path.rename(tmp_path / "away.db")
    path.mkdir()  # the log cannot be opened
    bus = EmbeddedBus(path)
    watching = asyncio.create_task(bus.watch())
    with pytest.raises(BusUnavailable):
        await bus.check()
    await asyncio.sleep(0)
    path.rmdir()
    (tmp_path / "away.db").rename(path)

    await until(lambda: bus.damage is not None)
    watching.cancel()

    assert embedded.WATCH_AGAIN_SECONDS < 60 < embedded.WATCH_SECONDS
    await bus.close()


@pytest.mark.parametrize("tree", ["sqlite_autoindex_partitions_1", "partitions"])
async def test_an_empty_page_in_the_place_of_the_partitions_is_damage_and_nothing_is_written(
    tmp_path: Path, tree: str
) -> None:
    path = tmp_path / "log.db"
    await filled(path)
    empty_tree(path, tree)
    before = path.read_bytes()

    bus = EmbeddedBus(path)
    for _ in range(2):
        with pytest.raises(BusDamaged):
            await bus.ensure_topics({"t": 2, "new": 1})
        with pytest.raises(BusDamaged):
            await bus.end_offsets(["t"])
    assert bus.damage is not None
    assert bus.damage.where == str(path)
    with pytest.raises(BusDamaged):
        await bus.check()
    await bus.close()
    assert path.read_bytes() == before
    assert await damages(path) == [str(path)]
