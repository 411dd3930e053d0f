"""What any bus must do for members of a group; every test runs on the embedded log and on real brokers."""

import asyncio
import random
from collections.abc import Callable
from contextlib import suppress

import pytest

from shared.bus import Bus, BusUnavailable, Subscription, TopicPartition
from tests.shared.bus.conftest import Buses
from tests.shared.bus.member import Member, fetched, message, until, values

RECORDS = 300


async def test_a_member_starts_at_the_positions_its_database_gives(buses: Buses, bus: Bus) -> None:
    topic = await buses.topic(bus, 3)
    producer = await bus.producer()
    for partition in range(3):
        await producer.send(topic, partition, [message(f"{partition}:{number}") for number in range(4)])
    member = Member(positions={TopicPartition(topic, 0): 3, TopicPartition(topic, 1): 4})
    await member.join(bus, buses.name("group"), topic)
    await until(lambda: len(member.records) == 5)
    await producer.send(topic, 1, [message("1:4")])
    await until(lambda: len(member.records) == 6)
    assert sorted(values(member.records)) == ["0:3", "1:4", "2:0", "2:1", "2:2", "2:3"]
    await member.leave()


async def test_a_position_is_the_databases_and_not_what_was_reported(buses: Buses, bus: Bus) -> None:
    topic, group = await buses.topic(bus, 1), buses.name("group")
    only = TopicPartition(topic, 0)
    await (await bus.producer()).send(topic, 0, [message("a"), message("b"), message("c")])
    first = Member()
    subscription = await first.subscribe(bus, group, topic)
    await fetched(subscription)
    await subscription.report({only: 3, TopicPartition(topic, 7): 9})
    await subscription.close()
    second = await Member(positions={only: 1}).join(bus, group, topic)
    await until(lambda: values(second.records) == ["b", "c"])
    await second.leave()


async def test_a_position_beyond_the_end_is_an_alarm_and_nothing_is_read(buses: Buses, bus: Bus) -> None:
    topic = await buses.topic(bus, 1)
    await (await bus.producer()).send(topic, 0, [message("a")])
    member = await Member(positions={TopicPartition(topic, 0): 5}).join(bus, buses.name("group"), topic)
    await until(lambda: bool(member.failures))
    assert "which ends at 1" in member.failures[0]
    assert member.records == []
    await member.leave()


async def test_nothing_is_read_before_the_database_has_said_where_to_start(buses: Buses, bus: Bus) -> None:
    topic = await buses.topic(bus, 1)
    await (await bus.producer()).send(topic, 0, [message("a"), message("b")])
    member = Member(positions={TopicPartition(topic, 0): 1})
    member.fails = True
    await member.join(bus, buses.name("group"), topic)
    await until(lambda: len(member.failures) > 2)
    assert (member.records, member.assigned) == ([], frozenset())
    member.fails = False
    await until(lambda: values(member.records) == ["b"])
    await member.leave()


@pytest.mark.real_broker
async def test_a_member_that_fails_to_drain_does_not_hold_up_the_group(buses: Buses, bus: Bus) -> None:
    topic, group = await buses.topic(bus, 2), buses.name("group")
    one = await Member("one").join(bus, group, topic)
    await until(lambda: len(one.assigned) == 2)
    one.fails = True
    two = await Member("two").join(buses.open() if buses.kind == "kafka" else bus, group, topic)
    await until(lambda: len(two.assigned) == 1)
    one.fails = False
    await until(lambda: len(one.assigned) == 1)
    await one.leave()
    await two.leave()


@pytest.mark.real_broker
async def test_two_members_share_the_partitions_and_one_takes_over_when_the_other_leaves(
    buses: Buses, bus: Bus
) -> None:
    topic, group = await buses.topic(bus, 12), buses.name("group")
    everything = frozenset(TopicPartition(topic, partition) for partition in range(12))
    one = await Member("one").join(bus, group, topic)
    await until(lambda: one.assigned == everything)
    two = await Member("two").join(buses.open() if buses.kind == "kafka" else bus, group, topic)
    await until(lambda: len(one.assigned) == 6 and len(two.assigned) == 6)
    assert one.assigned | two.assigned == everything
    producer = await bus.producer()
    await asyncio.gather(
        *(producer.send(topic, partition, [message(str(partition))]) for partition in range(12))
    )
    await until(lambda: len(one.records) + len(two.records) == 12)
    assert {place.partition for place in one.records} == {place.partition for place in one.assigned}
    await two.leave()
    await until(lambda: one.assigned == everything)
    await one.leave()


@pytest.mark.real_broker
async def test_partitions_move_on_only_after_the_batch_in_hand_is_done(buses: Buses, bus: Bus) -> None:
    topic, group = await buses.topic(bus, 2), buses.name("group")
    producer = await bus.producer()
    for partition in range(2):
        await producer.send(topic, partition, [message(str(partition))])
    one = Member("one")
    one.hold.clear()
    await one.join(bus, group, topic)
    await until(one.applying.locked)
    two = Member("two")
    joining = asyncio.create_task(two.join(buses.open() if buses.kind == "kafka" else bus, group, topic))
    await until(lambda: one.told[-1][0] == "revoked")
    assert not two.told, "the other member has a partition whose batch is still being applied"
    one.hold.set()
    await joining
    await until(lambda: len(one.assigned) == 1 and len(two.assigned) == 1)
    await one.leave()
    await two.leave()


async def test_members_of_different_groups_each_read_everything(buses: Buses, bus: Bus) -> None:
    topic = await buses.topic(bus, 4)
    members = [await Member().join(bus, buses.name("group"), topic) for _ in range(2)]
    producer = await bus.producer()
    await asyncio.gather(
        *(producer.send(topic, partition, [message(str(partition))]) for partition in range(4))
    )
    for member in members:
        await until(lambda member=member: sorted(values(member.records)) == ["0", "1", "2", "3"])  # type: ignore[misc]
        await member.leave()


async def test_a_paused_partition_waits_while_the_others_are_polled_on(buses: Buses, bus: Bus) -> None:
    topic = await buses.topic(bus, 2)
    member = Member()
    subscription = await member.subscribe(bus, buses.name("group"), topic)
    while len(subscription.assigned) < 2:
        await subscription.fetch(records_max=10, timeout_seconds=0.1)
    paused, running = TopicPartition(topic, 0), TopicPartition(topic, 1)
    subscription.pause(paused)
    producer = await bus.producer()
    await producer.send(topic, 0, [message("a"), message("b")])
    await producer.send(topic, 1, [message("c")])
    got = await subscription.fetch(records_max=10, timeout_seconds=5)
    assert {place: values(records) for place, records in got.items()} == {running: ["c"]}
    for _ in range(3):
        assert await subscription.fetch(records_max=10, timeout_seconds=0.2) == {}
    subscription.resume(paused)
    got = await fetched(subscription)
    assert {place: values(records) for place, records in got.items()} == {paused: ["a", "b"]}
    await subscription.close()


async def test_a_failed_batch_is_read_again_after_seek(buses: Buses, bus: Bus) -> None:
    topic = await buses.topic(bus, 1)
    only = TopicPartition(topic, 0)
    await (await bus.producer()).send(topic, 0, [message("a"), message("b"), message("c")])
    member = Member()
    subscription = await member.subscribe(bus, buses.name("group"), topic)
    assert values((await fetched(subscription))[only]) == ["a", "b", "c"]
    subscription.pause(only)
    await subscription.seek(only, 1)
    assert await subscription.fetch(records_max=10, timeout_seconds=0.2) == {}
    subscription.resume(only)
    assert values((await fetched(subscription))[only]) == ["b", "c"]
    await subscription.close()


async def test_after_a_seek_comes_what_lies_there_whatever_was_fetched_ahead(
    buses: Buses, bus: Bus, seeded: random.Random
) -> None:
    topic = await buses.topic(bus, 2)
    producer = await bus.producer()
    for number in range(2):
        for start in range(
            0, 4 * RECORDS, RECORDS
        ):  # far more than one fetch hands out: the client reads ahead
            await producer.send(topic, number, [message(str(start + index)) for index in range(RECORDS)])
    subscription = await Member().subscribe(bus, buses.name("group"), topic)
    places = {TopicPartition(topic, number): 0 for number in range(2)}
    while min(places.values()) < 4 * RECORDS:
        got = await subscription.fetch(records_max=seeded.randint(1, 100), timeout_seconds=1)
        for partition, records in got.items():
            assert [record.offset for record in records] == list(
                range(places[partition], places[partition] + len(records))
            )
            if seeded.random() < 0.4:  # its batch fails
                subscription.pause(partition)
                await subscription.seek(partition, records[0].offset)
                subscription.resume(partition)
            else:
                places[partition] += len(records)
    await subscription.close()


async def test_a_member_that_comes_back_under_its_name_goes_on_where_it_was(buses: Buses, bus: Bus) -> None:
    topic, group = await buses.topic(bus, 4), buses.name("group")
    producer = await bus.producer()
    await asyncio.gather(
        *(producer.send(topic, partition, [message(str(partition))]) for partition in range(4))
    )
    one = await Member("one").join(bus, group, topic)
    await until(lambda: len(one.records) == 4)
    await one.leave()
    await producer.send(topic, 2, [message("later")])
    again = await Member("one", positions=one.positions).join(buses.open(), group, topic)
    await until(lambda: values(again.records) == ["later"])
    await again.leave()


async def test_a_subscription_may_be_closed_while_it_fetches_and_brings_nothing_more(
    buses: Buses, bus: Bus
) -> None:
    topic = await buses.topic(bus, 3)
    producer = await bus.producer()
    subscription = await Member().subscribe(bus, buses.name("group"), topic)
    while len(subscription.assigned) < 3:
        await subscription.fetch(records_max=1, timeout_seconds=0.1)
    for partition in range(3):
        await producer.send(topic, partition, [message(str(number)) for number in range(RECORDS)])
    fetching = asyncio.create_task(_fetch_until(subscription, lambda: subscription.assigned == frozenset()))
    await subscription.close()
    await fetching
    assert await subscription.fetch(records_max=1, timeout_seconds=0.01) == {}


async def _fetch_until(subscription: Subscription, over: Callable[[], bool]) -> None:
    while not over():
        with suppress(BusUnavailable):
            await subscription.fetch(records_max=1, timeout_seconds=0.1)
