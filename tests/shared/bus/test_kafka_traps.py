"""The traps of aiokafka, each opened on a real broker; docs/decisions/0010 says which test stands before which trap.

What happens to a consumer in the middle of them, with a database behind it, is in test_kafka_rebalances.
"""

import asyncio
import gc
from typing import Any

import pytest
from aiokafka.errors import CommitFailedError, RequestTimedOutError

from shared.bus import Bus, BusUnavailable, ConnectedAnew, TopicPartition
from shared.bus.kafka import producer as producers
from shared.bus.kafka import subscription as subscriptions
from shared.bus.kafka.failures import cut
from tests.shared.bus.conftest import Buses
from tests.shared.bus.member import Member, fetched, message, until, values

pytestmark = [
    pytest.mark.kafka,
    pytest.mark.real_broker,
    pytest.mark.parametrize("buses", ["kafka"], indirect=True),
]


async def test_a_producer_that_met_an_error_is_replaced_and_the_next_goes_on_in_order(
    buses: Buses, bus: Bus
) -> None:
    topic = await buses.topic(bus, 1)
    producer = await bus.producer()
    assert isinstance(producer, producers.KafkaProducer)
    await producer.send(topic, 0, [message("a")])
    numbers = producer._inner._txn_manager._sequence_numbers
    (place,) = numbers
    numbers[place] += 7  # as after a batch that was lost: aiokafka's issue 1017, in which it never recovers

    with pytest.raises(BusUnavailable, match="is not available while records are sent"):
        await producer.send(topic, 0, [message("b")])
    with pytest.raises(BusUnavailable, match="this producer has failed"):
        await producer.send(topic, 0, [message("c")])
    await producer.abandon()
    again = await bus.producer()
    await again.send(topic, 0, [message("b")])
    await again.send(topic, 0, [message("c")])

    assert values(await bus.read(TopicPartition(topic, 0), 0, 9)) == ["a", "b", "c"]


async def test_a_guard_is_asked_after_all_that_takes_time_and_before_every_attempt(
    buses: Buses, bus: Bus, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A relay that stood still wakes somewhere within `send`; and aiokafka sends again by itself what met an error."""
    topic, asked, times = await buses.topic(bus, 1), list[str](), 1

    def guard() -> None:
        asked.append("guard")
        if asked.count("guard") > times:
            raise RuntimeError("the lease is lost")

    producer = await bus.producer(guard)
    assert isinstance(producer, producers.KafkaProducer)
    client = producer._inner.client
    ready = client.ready

    async def slowly_ready(*node: Any, **options: Any) -> Any:
        asked.append("ready")
        return await ready(*node, **options)

    async def times_out(*request: Any, **options: Any) -> Any:
        asked.append("request")
        raise RequestTimedOutError

    await producer.send(topic, 0, [message("a")])
    monkeypatch.setattr(client, "ready", slowly_ready)
    monkeypatch.setattr(producer, "_ask", times_out)
    times += 1
    with pytest.raises(BusUnavailable, match="the lease is lost"):
        await producer.send(topic, 0, [message("b")])

    assert asked == ["guard", "ready", "guard", "request", "ready", "guard"]
    assert values(await bus.read(TopicPartition(topic, 0), 0, 9)) == ["a"]
    await producer.abandon()


async def test_a_producer_sends_nothing_over_a_new_connection(buses: Buses, bus: Bus) -> None:
    """The broker may have been restored from an older copy, and what is sent would take the places of lost records."""
    topic = await buses.topic(bus, 1)
    producer = await bus.producer()
    assert isinstance(producer, producers.KafkaProducer)
    assert await producer.send(topic, 0, [message("a")]) == 1
    cut(producer._inner.client)

    with pytest.raises(ConnectedAnew):
        await producer.send(topic, 0, [message("b")])
    await producer.abandon()
    assert values(await bus.read(TopicPartition(topic, 0), 0, 9)) == ["a"]
    assert await (await bus.producer()).send(topic, 0, [message("b")]) == 2


async def test_a_producer_that_was_forgotten_is_closed_with_its_bus(buses: Buses, bus: Bus) -> None:
    said: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: said.append(context))
    topic = await buses.topic(bus, 1)
    await (await bus.producer()).send(topic, 0, [message("a")])

    gc.collect()
    await bus.close()
    gc.collect()

    assert [line["message"] for line in said] == []


async def test_a_report_that_comes_after_the_group_has_moved_on_costs_nothing(
    buses: Buses, bus: Bus, monkeypatch: pytest.MonkeyPatch
) -> None:
    topic, group = await buses.topic(bus, 2), buses.name("group")
    one = Member("one")
    subscription = await one.subscribe(bus, group, topic)
    while len(one.assigned) < 2:
        await subscription.fetch(records_max=9, timeout_seconds=0.1)
    inner = _inner(one)
    awake = asyncio.Event()
    heartbeat = inner._coordinator._do_heartbeat

    async def silent() -> Any:  # as of a process that stands still for longer than its session
        await awake.wait()
        return await heartbeat()

    monkeypatch.setattr(inner._coordinator, "_do_heartbeat", silent)
    two = await Member("two").join(buses.open(), group, topic)
    await until(lambda: len(two.assigned) == 2)
    assert len(one.assigned) == 2, "it does not know yet"

    with pytest.raises(CommitFailedError):
        await inner.commit(dict.fromkeys(inner.assignment(), 0))
    await subscription.report(dict.fromkeys(one.assigned, 0))

    awake.set()
    assert one.subscription is not None
    await (await bus.producer()).send(topic, 0, [message("a")])
    while len(one.assigned) != 1:
        await subscription.fetch(records_max=9, timeout_seconds=0.1)
    await until(lambda: len(two.assigned) == 1)
    assert one.assigned.isdisjoint(two.assigned)
    await one.leave()
    await two.leave()


async def test_a_member_that_comes_back_under_its_name_disturbs_nobody(buses: Buses, bus: Bus) -> None:
    topic, group = await buses.topic(bus, 6), buses.name("group")
    one = await Member("one").join(bus, group, topic)
    two = await Member("two").join(buses.open(), group, topic)
    await until(lambda: len(one.assigned) == 3 and len(two.assigned) == 3)
    had, told = two.assigned, list(one.told)

    await two.leave()
    again = await Member("two").join(buses.open(), group, topic)
    await until(lambda: again.assigned == had)

    assert one.told == told, "a static member that was away for less than its session causes no rebalance"
    await one.leave()
    await again.leave()


async def test_who_joins_takes_no_more_than_its_share_and_who_stays_keeps_what_it_had(
    buses: Buses, bus: Bus
) -> None:
    topic, group = await buses.topic(bus, 12), buses.name("group")
    one = await Member("one").join(bus, group, topic)
    two = await Member("two").join(buses.open(), group, topic)
    await until(lambda: len(one.assigned) == 6 and len(two.assigned) == 6)
    before = (one.assigned, two.assigned)

    three = await Member("three").join(buses.open(), group, topic)
    await until(lambda: [len(member.assigned) for member in (one, two, three)] == [4, 4, 4])
    between = (one.assigned, two.assigned)
    await three.leave()
    await until(lambda: len(one.assigned) == 6 and len(two.assigned) == 6)

    assert between[0] < before[0]
    assert between[1] < before[1]
    assert between[0] < one.assigned
    assert between[1] < two.assigned
    await one.leave()
    await two.leave()


async def test_a_member_whose_batch_takes_too_long_loses_its_partitions_and_comes_back(
    buses: Buses, bus: Bus, monkeypatch: pytest.MonkeyPatch
) -> None:
    topic, group = await buses.topic(bus, 2), buses.name("group")
    producer = await bus.producer()
    for partition in range(2):
        await producer.send(topic, partition, [message(str(partition))])
    monkeypatch.setattr(subscriptions, "POLL_SECONDS_MAX", 1.0)
    monkeypatch.setattr("shared.bus.members.DRAIN_SECONDS_MAX", 0.5)
    one = Member("one")
    one.hold.clear()
    await one.join(bus, group, topic)
    await until(one.applying.locked)

    monkeypatch.setattr(subscriptions, "POLL_SECONDS_MAX", 60.0)
    two = await Member("two").join(buses.open(), group, topic)
    await until(lambda: len(two.assigned) == 2 and sorted(values(two.records)) == ["0", "1"])
    assert one.assigned == frozenset()
    one.hold.set()
    await until(lambda: len(one.assigned) == 1 and len(two.assigned) == 1)

    assert one.assigned.isdisjoint(two.assigned)
    await one.leave()
    await two.leave()


async def test_a_consumer_that_is_replaced_leaves_nothing_of_itself_behind(
    buses: Buses, bus: Bus, monkeypatch: pytest.MonkeyPatch
) -> None:
    topic = await buses.topic(bus, 1)
    member = Member()
    subscription = await member.subscribe(bus, buses.name("group"), topic)
    await (await bus.producer()).send(topic, 0, [message("a")])
    await fetched(subscription)
    stuck = _inner(member)
    tasks = _tasks_of(stuck)
    assert len(tasks) > 3

    assert isinstance(subscription, subscriptions.KafkaSubscription)
    await subscription._drop()

    assert [task for task in tasks if not task.done()] == []
    await subscription.close()


def _inner(member: Member) -> Any:
    assert isinstance(member.subscription, subscriptions.KafkaSubscription)
    return member.subscription._inner


def _tasks_of(consumer: Any) -> list[asyncio.Task[Any]]:
    coordinator, fetcher = consumer._coordinator, consumer._fetcher
    return [
        coordinator._coordination_task,
        coordinator._heartbeat_task,
        coordinator._commit_refresh_task,
        fetcher._fetch_task,
        *fetcher._pending_tasks,
        consumer._client._sync_task,
        *(connection._read_task for connection in consumer._client._conns.values()),
    ]


async def test_a_member_that_connects_anew_asks_for_its_places_before_it_goes_on(
    buses: Buses, bus: Bus
) -> None:
    """The broker may have been restored from an older copy meanwhile, and the client does not tell that it was away."""
    topic = await buses.topic(bus, 1)
    producer = await bus.producer()
    member = await Member().join(bus, buses.name("group"), topic)
    await producer.send(topic, 0, [message("a")])
    await until(lambda: values(member.records) == ["a"])
    subscription = member.subscription
    assert isinstance(subscription, subscriptions.KafkaSubscription)
    assert subscription._inner is not None
    told = len(member.told)

    cut(subscription._inner._client)
    await producer.send(topic, 0, [message("b")])
    await until(lambda: values(member.records) == ["a", "b"])

    assert ("assigned", frozenset({TopicPartition(topic, 0)})) in member.told[told:]
    await member.leave()
