"""What only a broker can do to us: go away, come back, stand still; and a client that stays stuck."""

import asyncio
import gc
import logging
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from typing import Any

import pytest

from shared.bus import Bus, BusUnavailable, Message, Producer, TopicPartition
from shared.bus.kafka import KafkaBus
from shared.bus.kafka import producer as producers
from shared.bus.kafka import subscription as subscriptions
from shared.bus.kafka.sticky import sticky_assignor
from tests.parts import kafka, processes
from tests.shared.bus.member import Member, message, until, values

pytestmark = [pytest.mark.kafka, pytest.mark.slow]

ABANDON_SECONDS_MAX = 6
BATCH = 20
LINES_OF_A_LOST_BROKER = 20
LOOKS = 5


@pytest.fixture(scope="module")
def own() -> Iterator[kafka.ApacheKafka]:
    """A node of our own, for it is killed."""
    try:
        node = kafka.ApacheKafka(kafka.wanted_version())
    except processes.PartMissing as missing:
        if processes.required():
            raise
        pytest.skip(str(missing))
    yield node.start()
    node.close()


@pytest.fixture
async def bus(own: kafka.ApacheKafka) -> AsyncIterator[Bus]:
    own.start_soon()
    await asyncio.to_thread(own.wait)
    opened = KafkaBus([own.servers], session_seconds=2)
    yield opened
    await opened.close()


async def test_what_a_relay_sends_through_a_dying_broker_arrives_in_order_and_whole(
    own: kafka.ApacheKafka, bus: Bus, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(producers, "SEND_SECONDS_MAX", 2)
    await bus.ensure_topics({"relayed": 3})
    member = await Member().join(bus, "reader", "relayed")
    failures: list[str] = []
    relay = asyncio.create_task(_relay(bus, "relayed", failures, partitions=3, batches=30))
    await until(lambda: len(member.records) > 3 * BATCH)
    for _ in range(2):
        known = len(failures)
        own.kill()
        await until(lambda known=known: len(failures) > known)  # type: ignore[misc]
        own.start_soon()
        await asyncio.to_thread(own.wait)
        arrived = len(member.records)
        await until(lambda arrived=arrived: len(member.records) > arrived)  # type: ignore[misc]
    known = len(failures)
    own.freeze()
    await until(lambda: len(failures) > known)
    own.cont()
    await relay
    await until(lambda: {record.offset + 1 for record in member.records} >= {30 * BATCH})
    for partition in range(3):
        first_seen = dict.fromkeys(
            values([record for record in member.records if record.partition == partition])
        )
        assert list(first_seen) == [str(number) for number in range(30 * BATCH)]
    await member.leave()


async def test_a_producer_is_dropped_at_once_while_the_broker_stands_still(
    own: kafka.ApacheKafka, bus: Bus
) -> None:
    await bus.ensure_topics({"standing": 1})
    producer = await bus.producer()
    assert isinstance(producer, producers.KafkaProducer)
    await producer.send("standing", 0, [message("a")])
    own.freeze()
    try:
        sending = asyncio.create_task(producer.send("standing", 0, [message("b")]))
        await until(lambda: bool(producer._requests))  # it is on its way now
        begun = time.monotonic()
        await producer.abandon()
        assert time.monotonic() - begun < ABANDON_SECONDS_MAX
        with pytest.raises(BusUnavailable):
            await sending
        with pytest.raises(BusUnavailable, match=r"has not answered in time|is not available"):
            await bus.check()
    finally:
        own.cont()
    other = await bus.producer()
    await other.send("standing", 0, [message("c")])
    assert values(await bus.read(TopicPartition("standing", 0), 0, 9)) in (["a", "c"], ["a", "b", "c"])


@pytest.mark.long
async def test_what_is_dropped_while_the_broker_is_away_leaves_no_task_no_socket_and_no_line(
    own: kafka.ApacheKafka, bus: Bus, monkeypatch: pytest.MonkeyPatch
) -> None:
    others = asyncio.all_tasks()
    monkeypatch.setattr(producers, "SEND_SECONDS_MAX", 1)
    await bus.ensure_topics({"dropped": 1})
    said: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: said.append(context))
    dropped = [await bus.producer() for _ in range(3)]
    for producer in dropped:
        await producer.send("dropped", 0, [message("a")])
    members = [await Member(name).join(bus, f"dropped-{name}", "dropped") for name in ("one", "two")]
    for member in members:
        await until(lambda member=member: len(member.records) == 3)  # type: ignore[misc]

    await dropped[0].abandon()  # idle
    own.freeze()
    try:
        sending = asyncio.create_task(dropped[1].send("dropped", 0, [Message("k", (), b"x" * 400_000)]))
        with suppress(BusUnavailable):
            await bus.check()
        await asyncio.gather(
            dropped[1].abandon(), sending, return_exceptions=True
        )  # sending, to a still broker
        await members[0].leave()
        with pytest.raises(BusUnavailable):
            await bus.producer()  # connecting, to a still broker
        own.kill()
        with pytest.raises(BusUnavailable):
            await dropped[2].send("dropped", 0, [message("b")])  # a broker that is gone
        await dropped[2].abandon()
        with pytest.raises(BusUnavailable):
            await bus.producer()
        await members[1].leave()
    finally:
        own.kill()

    del dropped, producer, members, member
    gc.collect()
    with suppress(AssertionError):
        await until(lambda: not _tasks_of_aiokafka(others))
    assert _tasks_of_aiokafka(others) == []
    assert kafka.connections(own.servers) == []
    assert [line["message"] for line in said] == []
    own.start_soon()
    await asyncio.to_thread(own.wait)


async def test_while_the_broker_is_away_the_product_says_so_in_one_line(
    own: kafka.ApacheKafka, bus: Bus
) -> None:
    await bus.ensure_topics({"quiet": 1})
    member = await Member().join(bus, "quiet", "quiet")
    await until(lambda: len(member.assigned) == 1)
    said: list[logging.LogRecord] = []
    listening = logging.Handler(logging.WARNING)
    listening.emit = said.append  # type: ignore[assignment, method-assign]
    logging.getLogger().addHandler(listening)
    own.kill()
    with pytest.raises(BusUnavailable, match=r"Kafka at .* is not available"):
        await bus.check()
    client = _counting("aiokafka")
    await until(lambda: client.lines > LINES_OF_A_LOST_BROKER)
    logging.getLogger("aiokafka").removeHandler(client)
    logging.getLogger().removeHandler(listening)
    assert not [record.getMessage() for record in said if record.name.startswith("aiokafka")]
    assert len([record.getMessage() for record in said if record.name.startswith("shared.bus")]) <= 1
    own.start_soon()
    await asyncio.to_thread(own.wait)
    await (await bus.producer()).send("quiet", 0, [message("back")])
    await until(lambda: values(member.records) == ["back"])
    await member.leave()


async def test_a_consumer_that_does_not_get_on_is_replaced(bus: Bus, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subscriptions, "EMPTY_SECONDS_MAX", 0.5)
    await bus.ensure_topics({"stuck": 1})
    member = await Member().join(bus, "stuck", "stuck")
    await until(lambda: len(member.assigned) == 1)
    inner = _inner(member)
    inner._fetcher._fetch_task.cancel()  # as in aiokafka's issue 1154: it lives, and brings nothing
    await asyncio.gather(*inner._fetcher._pending_tasks)
    await (await bus.producer()).send("stuck", 0, [message("a")])
    await until(lambda: values(member.records) == ["a"])
    assert _inner(member) is not inner
    await member.leave()


async def test_a_consumer_with_nothing_to_read_is_left_alone(
    bus: Bus, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(subscriptions, "EMPTY_SECONDS_MAX", 0.2)
    await bus.ensure_topics({"idle": 2})
    member = await Member().join(bus, "idle", "idle")
    await until(lambda: len(member.assigned) == 2)
    inner = _inner(member)
    looks = 0
    behind = subscriptions.KafkaSubscription._behind

    async def counted(subscription: subscriptions.KafkaSubscription) -> str | None:
        nonlocal looks
        looks += 1
        return await behind(subscription)

    monkeypatch.setattr(subscriptions.KafkaSubscription, "_behind", counted)
    await until(lambda: looks >= LOOKS)
    assert _inner(member) is inner
    assert [word for word, _ in member.told] == ["assigned"]
    await member.leave()


def test_two_consumers_of_one_process_do_not_share_the_assignors_memory() -> None:
    one, two = sticky_assignor(lambda: 7), sticky_assignor(lambda: 9)
    one.member_assignment, one.generation = [("t", 1)], 7
    assert two.member_assignment is None
    assert two.generation == -1


async def _relay(bus: Bus, topic: str, failures: list[str], *, partitions: int, batches: int) -> None:
    """Send numbered records as the relay does: one batch a partition, and on any error all unmarked ones again."""
    marked = dict.fromkeys(range(partitions), 0)
    producer: Producer | None = None

    async def next_batch(partition: int) -> None:
        assert producer is not None
        start = marked[partition]
        if start < batches * BATCH:
            numbered = [Message("k", (), str(number).encode()) for number in range(start, start + BATCH)]
            await producer.send(topic, partition, numbered)
            marked[partition] = start + BATCH

    while min(marked.values()) < batches * BATCH:
        try:
            if producer is None:
                producer = await bus.producer()
            outcomes = await asyncio.gather(*map(next_batch, range(partitions)), return_exceptions=True)
            failed = [outcome for outcome in outcomes if outcome is not None]
            if failed:
                raise failed[0]
            await asyncio.sleep(0.2)  # long enough that the faults meet it half-way
        except BusUnavailable as error:
            failures.append(str(error))
            if producer is not None:
                await producer.abandon()
            producer = None
            await asyncio.sleep(0.2)


class _Counting(logging.Handler):
    """How many lines a logger has had."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.lines = 0

    def emit(self, record: logging.LogRecord) -> None:
        self.lines += 1


def _counting(logger: str) -> _Counting:
    counting = _Counting()
    logging.getLogger(logger).addHandler(counting)
    return counting


def _tasks_of_aiokafka(others: set[asyncio.Task[Any]]) -> list[str]:
    """The coroutines of the client's own tasks that live, but for those of other tests."""
    codes = [getattr(task.get_coro(), "cr_code", None) for task in asyncio.all_tasks() - others]
    return [code.co_qualname for code in codes if code is not None and "/aiokafka/" in code.co_filename]


def _inner(member: Member) -> Any:
    assert isinstance(member.subscription, subscriptions.KafkaSubscription)
    return member.subscription._inner
