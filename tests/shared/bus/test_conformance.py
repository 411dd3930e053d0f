"""What any bus must do; every test runs on the embedded log and on a real Kafka."""

import asyncio
import os
import time

import pytest

from shared.bus import Bus, BusUnavailable, Message, RecordRefused, TopicPartition, size_of
from shared.limits import RECORD_BYTES_MAX
from tests.shared.bus.conftest import Buses
from tests.shared.bus.member import Member, fetched, message, until, values

RECORDS = 300


async def test_records_of_a_partition_are_read_in_the_order_they_were_sent(buses: Buses, bus: Bus) -> None:
    topic = await buses.topic(bus, 3)
    producer = await bus.producer()
    for start in range(0, RECORDS, 50):
        messages = [message(str(number)) for number in range(start, start + 50)]
        assert await producer.send(topic, 1, messages) == start + 50
    member = await Member().join(bus, buses.name("group"), topic)
    await until(lambda: len(member.records) == RECORDS)
    assert values(member.records) == [str(number) for number in range(RECORDS)]
    assert [record.offset for record in member.records] == list(range(RECORDS))
    assert {(record.topic, record.partition) for record in member.records} == {(topic, 1)}
    await member.leave()


async def test_nothing_leaves_a_producer_while_its_guard_does_not_let_it(buses: Buses, bus: Bus) -> None:
    topic, allowed = await buses.topic(bus, 2), True

    def guard() -> None:
        if not allowed:
            raise RuntimeError("the lease is lost")

    producer = await bus.producer(guard)
    await producer.send(topic, 0, [message("a")])
    allowed = False
    with pytest.raises(BusUnavailable, match="the lease is lost"):
        await producer.send(topic, 0, [message("b")])
    with pytest.raises(BusUnavailable):
        await producer.send(topic, 1, [message("c")])
    await producer.abandon()

    assert values(await bus.read(TopicPartition(topic, 0), 0, 9)) == ["a"]
    assert await bus.end_offsets([topic]) == {TopicPartition(topic, 0): 1, TopicPartition(topic, 1): 0}


@pytest.mark.real_broker
async def test_what_was_acknowledged_is_there_when_the_bus_is_opened_again(buses: Buses, bus: Bus) -> None:
    topic = await buses.topic(bus, 2)
    producer = await bus.producer()
    await producer.send(topic, 0, [message("a"), message("b")])
    await bus.close()
    again = buses.open()
    assert await again.partitions(topic) == 2
    assert values(await again.read(TopicPartition(topic, 0), 0, 10)) == ["a", "b"]
    await (await again.producer()).send(topic, 0, [message("c")])
    assert [record.offset for record in await again.read(TopicPartition(topic, 0), 0, 10)] == [0, 1, 2]


@pytest.mark.real_broker
async def test_tails_hold_the_last_records_of_every_partition(buses: Buses, bus: Bus) -> None:
    topic = await buses.topic(bus, 3)
    producer = await bus.producer()
    await producer.send(topic, 0, [message(str(number)) for number in range(50)])
    await producer.send(topic, 1, [message("only"), message("pruned")])
    await bus.prune(TopicPartition(topic, 1), 2)
    tails = await bus.tails([topic], 3)
    found = {place.partition: (tail.end, values(tail.records)) for place, tail in tails.items()}
    assert found == {0: (50, ["47", "48", "49"]), 1: (2, []), 2: (0, [])}
    await producer.send(topic, 2, [message("first")])
    tails = await buses.open().tails([topic], 3)
    assert values(tails[TopicPartition(topic, 2)].records) == ["first"]
    with pytest.raises(RecordRefused):
        await bus.tails([buses.name("topic")], 1)


@pytest.mark.real_broker
async def test_offsets_go_on_after_everything_was_pruned(buses: Buses, bus: Bus) -> None:
    topic = await buses.topic(bus, 1)
    only = TopicPartition(topic, 0)
    producer = await bus.producer()
    await producer.send(topic, 0, [message("a"), message("b")])
    await bus.prune(only, 2)
    await producer.send(topic, 0, [message("c")])
    assert [(record.offset, record.value) for record in await bus.read(only, 0, 10)] == [(2, b"c")]
    again = buses.open()
    assert await again.end_offsets([topic]) == {only: 3}
    assert [record.offset for record in await again.read(only, 0, 10)] == [2]
    member = await Member().join(again, buses.name("group"), topic)
    await until(lambda: values(member.records) == ["c"])
    await member.leave()


async def test_keys_headers_and_values_come_out_byte_for_byte(buses: Buses, bus: Bus) -> None:
    topic = await buses.topic(bus, 1)
    sent = [
        Message(
            "idn_1",
            (("ce_id", b"1"), ("ce_id", b"twice"), ("名", bytes(range(256))), ("empty", b"")),
            b"\x00\xff",
        ),
        Message("顾客", (), b""),
        Message(None, (("only", b"value"),), b"no key"),
        Message("tombstone", (), None),
        Message("", (("x", b"\n" * 70_000),), os.urandom(3)),
    ]
    await (await bus.producer()).send(topic, 0, sent)
    member = await Member().join(bus, buses.name("group"), topic)
    await until(lambda: len(member.records) == len(sent))
    for records in (member.records, await bus.read(TopicPartition(topic, 0), 0, 10)):
        assert [(record.key, record.headers, record.value) for record in records] == [
            (None if message.key is None else message.key.encode(), message.headers, message.value)
            for message in sent
        ]
    assert all(abs(record.timestamp_ms / 1000 - time.time()) < 60 for record in member.records)
    await member.leave()


async def test_a_fetch_brings_at_most_so_many_records_a_partition(buses: Buses, bus: Bus) -> None:
    topic = await buses.topic(bus, 3)
    producer = await bus.producer()
    for index in range(3):
        await producer.send(topic, index, [message(str(number)) for number in range(25)])
    member = Member()
    subscription = await member.subscribe(bus, buses.name("group"), topic)
    read: dict[TopicPartition, list[str]] = {}
    while sum(map(len, read.values())) < 75:
        got = await subscription.fetch(records_max=10, timeout_seconds=1)
        assert all(len(records) <= 10 for records in got.values())
        for partition, records in got.items():
            read.setdefault(partition, []).extend(values(records))
    assert read == {
        TopicPartition(topic, partition): [str(number) for number in range(25)] for partition in range(3)
    }
    await subscription.close()


async def test_a_fetch_is_limited_in_bytes_too(buses: Buses, bus: Bus) -> None:
    topic = await buses.topic(bus, 1)
    noise = [Message("k", (), os.urandom(200_000)) for _ in range(20)]
    await (await bus.producer()).send(topic, 0, noise)
    member = Member()
    subscription = await member.subscribe(bus, buses.name("group"), topic)
    read: list[bytes | None] = []
    while len(read) < 20:
        got = await subscription.fetch(records_max=500, timeout_seconds=1)
        for records in got.values():
            assert len(records) <= 8, "about a megabyte of a partition at once, not everything there is"
            read += [record.value for record in records]
    assert read == [message.value for message in noise]
    await subscription.close()


@pytest.mark.real_broker
async def test_a_waiting_member_is_woken_when_a_record_arrives(buses: Buses, bus: Bus) -> None:
    topic = await buses.topic(bus, 12)
    member = Member()
    subscription = await member.subscribe(bus, buses.name("group"), topic)
    while len(subscription.assigned) < 12:
        await subscription.fetch(records_max=10, timeout_seconds=0.1)
    producer = await bus.producer()
    await producer.send(topic, 0, [message("first")])
    await fetched(subscription)
    waits: list[float] = []
    for number in range(5):
        waiting = asyncio.create_task(subscription.fetch(records_max=10, timeout_seconds=10))
        await asyncio.sleep(0.05)  # it waits now; an early send would prove nothing
        await producer.send(topic, number, [message("x")])
        sent = time.monotonic()
        assert await waiting
        waits.append(time.monotonic() - sent)
    assert sorted(waits)[2] < (0.02 if buses.kind == "embedded" else 0.2), waits
    await subscription.close()


@pytest.mark.real_broker
async def test_what_the_bus_does_not_have_is_refused_in_a_sentence(buses: Buses, bus: Bus) -> None:
    topic, missing = await buses.topic(bus, 2), buses.name("missing")
    producer = await bus.producer()
    member = Member()
    for refused in (
        producer.send(missing, 0, [message("a")]),
        producer.send(topic, 2, [message("a")]),
        member.subscribe(bus, buses.name("group"), missing),
        bus.end_offsets([missing]),
        bus.partitions(missing),
        bus.read(TopicPartition(missing, 0), 0, 1),
        bus.prune(TopicPartition(missing, 0), 1),
    ):
        with pytest.raises(RecordRefused, match=r"has no (topic|partition)"):
            await refused
    await producer.send(topic, 0, [message("the producer is still good")])


@pytest.mark.real_broker
async def test_concurrent_sends_to_all_partitions_keep_each_partitions_order(buses: Buses, bus: Bus) -> None:
    topic = await buses.topic(bus, 12)
    producer = await bus.producer()

    async def one_after_another(partition: int) -> None:
        for start in range(0, 200, 20):
            await producer.send(
                topic, partition, [message(str(number)) for number in range(start, start + 20)]
            )

    await asyncio.gather(*map(one_after_another, range(12)))
    ends = await bus.end_offsets([topic])
    assert set(ends.values()) == {200}
    for place in ends:
        assert values(await bus.read(place, 0, 200)) == [str(number) for number in range(200)]


async def test_an_abandoned_producer_loses_only_what_was_not_acknowledged(buses: Buses, bus: Bus) -> None:
    topic = await buses.topic(bus, 2)
    producer = await bus.producer()
    acknowledged = [message(f"a{number}") for number in range(10)]
    await producer.send(topic, 0, acknowledged)
    sending = asyncio.create_task(producer.send(topic, 1, [message("b")]))
    await asyncio.sleep(0)
    await producer.abandon()
    outcome = (await asyncio.gather(sending, return_exceptions=True))[0]
    assert outcome is None or isinstance(outcome, BusUnavailable)
    with pytest.raises(BusUnavailable):
        await producer.send(topic, 0, [message("too late")])
    other = await bus.producer()
    await other.send(topic, 1, [message("c")])
    assert values(await bus.read(TopicPartition(topic, 0), 0, 100)) == values_of(acknowledged)
    assert values(await bus.read(TopicPartition(topic, 1), 0, 100)) in (["c"], ["b", "c"])
    if outcome is None:
        assert values(await bus.read(TopicPartition(topic, 1), 0, 100)) == ["b", "c"]


@pytest.mark.real_broker
async def test_end_offsets_count_what_was_sent(buses: Buses, bus: Bus) -> None:
    one, two = await buses.topic(bus, 2), await buses.topic(bus, 1)
    producer = await bus.producer()
    await producer.send(one, 1, [message("a"), message("b")])
    await producer.send(two, 0, [])
    assert await bus.end_offsets([one, two]) == {
        TopicPartition(one, 0): 0,
        TopicPartition(one, 1): 2,
        TopicPartition(two, 0): 0,
    }
    await buses.open().ensure_topics({one: 5})  # keeps what it has
    assert await buses.open().partitions(one) == 2


@pytest.mark.real_broker
async def test_a_large_record_passes_and_a_larger_one_is_refused_before_anything_is_written(
    buses: Buses, bus: Bus
) -> None:
    topic = await buses.topic(bus, 1)
    only = TopicPartition(topic, 0)
    producer = await bus.producer()
    large = Message("k", (), os.urandom(RECORD_BYTES_MAX - 1))
    assert size_of(large) == RECORD_BYTES_MAX
    await producer.send(topic, 0, [message("before"), large, message("after")])
    with pytest.raises(RecordRefused, match="over the limit"):
        await producer.send(topic, 0, [message("x"), Message("k", (), b"x" * RECORD_BYTES_MAX)])
    assert await bus.end_offsets([topic]) == {only: 3}
    member = await Member().join(bus, buses.name("group"), topic)
    await until(lambda: len(member.records) == 3)
    assert member.records[1].value == large.value
    await member.leave()


async def test_a_bus_that_serves_says_so(buses: Buses, bus: Bus) -> None:
    await bus.check()


def values_of(messages: list[Message]) -> list[str]:
    """What messages to be sent say."""
    return [(sent.value or b"").decode() for sent in messages]


async def test_the_record_before_an_offset_is_found_while_the_bus_has_it(buses: Buses, bus: Bus) -> None:
    topic = await buses.topic(bus, 3)
    producer = await bus.producer()
    for partition in range(2):
        await producer.send(topic, partition, [message(f"{partition}-{number}") for number in range(RECORDS)])
    await bus.prune(TopicPartition(topic, 1), 5)

    async def before(partition: int, offset: int) -> list[str]:
        tails = await bus.look_back({TopicPartition(topic, partition): offset})
        assert tails[TopicPartition(topic, partition)].end == (RECORDS if partition < 2 else 0)
        return values(tails[TopicPartition(topic, partition)].records)

    assert await before(0, 0) == []
    assert await before(0, 1) == ["0-0"]
    assert await before(0, RECORDS) == [f"0-{RECORDS - 1}"]
    assert await before(0, RECORDS + 1) == []
    assert await before(1, 5) == []
    assert await before(1, 6) == ["1-5"]
    assert await before(2, 7) == []
    together = await bus.look_back(
        {TopicPartition(topic, 0): 9, TopicPartition(topic, 1): 9, TopicPartition(topic, 9): 1}
    )
    assert {place.partition: values(tail.records) for place, tail in together.items()} == {
        0: ["0-8"],
        1: ["1-8"],
    }
