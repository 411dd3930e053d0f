"""What only the embedded log does: one file, one process, and whatever can happen to a file."""

import asyncio
import os
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.bus import BusUnavailable, Message, TopicPartition
from shared.bus.embedded import EmbeddedBus
from shared.bus.groups import assign
from shared.bus.log import SCHEMA_VERSION
from tests.shared.bus.member import Member, message, until, values

CHILD = """
import asyncio, sys
from pathlib import Path
from shared.bus import Message
from shared.bus.embedded import EmbeddedBus

async def send():
    bus = EmbeddedBus(Path(sys.argv[1]))
    await bus.ensure_topics({"t": 4})
    producer = await bus.producer()
    number = 0
    while True:
        await asyncio.gather(*(producer.send("t", each, [Message("k", (), b"%d" % number)] * 5) for each in range(4)))
        print(number, flush=True)
        number += 1

asyncio.run(send())
"""


async def test_nothing_acknowledged_is_lost_to_kill_9(tmp_path: Path) -> None:
    path = tmp_path / "log.db"
    child = subprocess.Popen(  # noqa: ASYNC220 nothing else runs on this loop
        [sys.executable, "-c", CHILD, str(path)], stdout=subprocess.PIPE, text=True, cwd=os.getcwd()
    )
    assert child.stdout is not None
    lines = [child.stdout.readline() for _ in range(50)]
    child.send_signal(signal.SIGKILL)
    acknowledged = int((lines + child.stdout.readlines())[-1]) + 1
    child.wait()
    child.stdout.close()
    bus = EmbeddedBus(path)
    for partition, end in (await bus.end_offsets(["t"])).items():
        assert end in (acknowledged * 5, acknowledged * 5 + 5), (
            "all, and at most the batch that was not answered"
        )
        read = values(await bus.read(partition, 0, end))
        assert read == [str(number) for number in range(end // 5) for _ in range(5)]
    await bus.close()


async def test_sends_of_one_turn_share_one_commit(tmp_path: Path) -> None:
    bus = EmbeddedBus(tmp_path / "log.db")
    await bus.ensure_topics({"t": 12})
    producer = await bus.producer()
    statements: list[str] = []
    connection = bus._log._connection
    assert connection is not None
    connection.set_trace_callback(statements.append)
    await asyncio.gather(*(producer.send("t", partition, [message("x")] * 100) for partition in range(12)))
    assert statements.count("COMMIT") == 1
    await bus.close()


async def test_a_full_disk_is_a_sentence_and_it_goes_on_when_there_is_space(tmp_path: Path) -> None:
    bus = EmbeddedBus(tmp_path / "log.db")
    await bus.ensure_topics({"t": 2})
    producer = await bus.producer()
    await producer.send("t", 0, [message("before")])
    connection = bus._log._connection
    assert connection is not None
    (pages,) = connection.execute("PRAGMA page_count").fetchone()
    connection.execute(f"PRAGMA max_page_count = {pages + 2}")
    with pytest.raises(BusUnavailable, match=r"the disk that holds .* is full"):
        await producer.send("t", 1, [Message("k", (), bytes(100_000))])
    assert set((await bus.end_offsets(["t"])).values()) == {0, 1}
    connection.execute("PRAGMA max_page_count = 1000000")
    await producer.send("t", 1, [message("after")])
    assert values(await bus.read(TopicPartition("t", 1), 0, 9)) == ["after"]
    await bus.close()


async def test_a_log_that_cannot_be_used_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    damaged, newer = tmp_path / "damaged.db", tmp_path / "newer.db"
    damaged.write_bytes(b"This is not a database at all. " * 200)
    with sqlite3.connect(newer) as connection:
        connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION + 1}")
    connection.close()
    for path, words in (
        (tmp_path / "file" / "log.db", "cannot be opened"),
        (damaged, "is damaged"),
        (newer, "newer version of Huitou"),
    ):
        with pytest.raises(BusUnavailable, match=words):
            await EmbeddedBus(path).check()


async def test_a_backup_is_of_one_moment_while_records_come_in(tmp_path: Path) -> None:
    bus = EmbeddedBus(tmp_path / "log.db")
    await bus.ensure_topics({"t": 2})
    producer = await bus.producer()
    stop = asyncio.Event()

    async def pairs() -> int:
        number = 0
        while not stop.is_set():
            pair = [message(str(number))] * 20
            await asyncio.gather(producer.send("t", 0, pair), producer.send("t", 1, pair))
            number += 1
        return number

    writing = asyncio.create_task(pairs())
    await until(lambda: (tmp_path / "log.db-wal").stat().st_size > 200_000)
    await bus.backup(tmp_path / "copy.db")
    stop.set()
    assert await writing > 1
    copy = EmbeddedBus(tmp_path / "copy.db")
    ends = await copy.end_offsets(["t"])
    assert len(set(ends.values())) == 1, "the two partitions were always written together"
    assert min(ends.values()) > 0
    for partition, end in ends.items():
        assert len(await copy.read(partition, 0, end + 10)) == end
    await (await copy.producer()).send("t", 0, [message("goes on")])
    await copy.close()
    await bus.close()


async def test_what_another_process_writes_is_found_within_a_timeout(tmp_path: Path) -> None:
    ours, theirs = EmbeddedBus(tmp_path / "log.db"), EmbeddedBus(tmp_path / "log.db")
    await ours.ensure_topics({"t": 1})
    member = await Member().join(ours, "g", "t")
    await until(lambda: len(member.assigned) == 1)
    await (await theirs.producer()).send("t", 0, [message("theirs")])
    await (await ours.producer()).send("t", 0, [message("ours")])
    await until(lambda: values(member.records) == ["theirs", "ours"])
    await member.leave()
    await theirs.close()
    await ours.close()


async def test_the_log_reads_like_a_table(tmp_path: Path) -> None:
    bus = EmbeddedBus(tmp_path / "log.db")
    await bus.ensure_topics({"t": 2})
    await (await bus.producer()).send("t", 1, [message("a"), message("b")])
    await bus.close()
    connection = sqlite3.connect(tmp_path / "log.db")
    rows = connection.execute('SELECT topic, partition, "offset", key, value FROM log').fetchall()
    connection.close()
    assert rows == [("t", 1, 0, b"k", b"a"), ("t", 1, 1, b"k", b"b")]


@given(
    topics=st.dictionaries(st.sampled_from("abc"), st.integers(1, 13), min_size=1),
    before=st.lists(st.sampled_from(["m1", "m2", "m3", "m4", "m5"]), min_size=1, unique=True),
    after=st.lists(st.sampled_from(["m1", "m2", "m3", "m4", "m5"]), min_size=1, unique=True),
)
def test_every_partition_has_one_reader_evenly_and_few_move(
    topics: dict[str, int], before: list[str], after: list[str]
) -> None:
    partitions = [
        TopicPartition(topic, partition) for topic, count in topics.items() for partition in range(count)
    ]
    everyone = frozenset(topics)
    nothing: frozenset[TopicPartition] = frozenset()
    first = assign(partitions, dict.fromkeys(before, everyone), dict.fromkeys(before, nothing))
    then = assign(
        partitions, dict.fromkeys(after, everyone), {member: first.get(member, nothing) for member in after}
    )
    for shares in (first, then):
        assert sorted(partition for share in shares.values() for partition in share) == sorted(partitions)
        for topic in topics:
            counts = [sum(partition.topic == topic for partition in share) for share in shares.values()]
            assert max(counts) - min(counts) <= 1
    if set(before) <= set(after):
        for topic, count in topics.items():
            kept = sum(
                partition.topic == topic for member in before for partition in first[member] & then[member]
            )
            assert kept >= sum(sorted(_even(count, len(after)))[: len(before)])
    elif set(after) <= set(before):
        assert all(first[member] <= then[member] for member in after)


def _even(count: int, members: int) -> list[int]:
    return [count // members + (member < count % members) for member in range(members)]
