"""What only a broker can do to us: go away, come back, stand still; and a client that stays stuck."""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Iterator
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

FROZEN_SECONDS = 5
ABANDON_SECONDS_MAX = 6
BATCH = 20


@pytest.fixture(scope="module")
def own() -> Iterator[kafka.ApacheKafka]:
    """A node of our own, for it is killed."""
    try:
        node = kafka.ApacheKafka()
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
    relay = asyncio.create_task(_relay(bus, "relayed", partitions=3, batches=30))
    await until(lambda: len(member.records) > 3 * BATCH)
    for _ in range(2):
        own.kill()
        await asyncio.sleep(3)  # longer than a send may take
        own.start_soon()
        await asyncio.to_thread(own.wait)
    own.freeze()
    await asyncio.sleep(FROZEN_SECONDS)
    own.cont()
    failures = await relay
    await until(lambda: {each.offset + 1 for each in member.records} >= {30 * BATCH})
    for partition in range(3):
        first_seen = dict.fromkeys(values([each for each in member.records if each.partition == partition]))
        assert list(first_seen) == [str(each) for each in range(30 * BATCH)]
    assert failures, "the broker was killed twice and nobody noticed"
    await member.leave()


async def test_a_producer_is_dropped_at_once_while_the_broker_stands_still(
    own: kafka.ApacheKafka, bus: Bus
) -> None:
    await bus.ensure_topics({"standing": 1})
    producer = await bus.producer()
    await producer.send("standing", 0, [message("a")])
    own.freeze()
    try:
        sending = asyncio.create_task(producer.send("standing", 0, [message("b")]))
        await asyncio.sleep(0.2)  # it is on its way now
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
    await asyncio.sleep(FROZEN_SECONDS)
    logging.getLogger().removeHandler(listening)
    assert not [each.getMessage() for each in said if each.name.startswith("aiokafka")]
    assert len([each.getMessage() for each in said if each.name.startswith("shared.bus")]) <= 1
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
    await asyncio.sleep(2)  # five looks
    assert _inner(member) is inner
    assert [word for word, _ in member.told] == ["assigned"]
    await member.leave()


def test_two_consumers_of_one_process_do_not_share_the_assignors_memory() -> None:
    one, two = sticky_assignor(lambda: 7), sticky_assignor(lambda: 9)
    one.member_assignment, one.generation = [("t", 1)], 7
    assert two.member_assignment is None
    assert two.generation == -1


async def _relay(bus: Bus, topic: str, *, partitions: int, batches: int) -> list[str]:
    """Send numbered records as the relay does: one batch a partition, and on any error all unmarked ones again."""
    failures: list[str] = []
    marked = dict.fromkeys(range(partitions), 0)
    producer: Producer | None = None

    async def next_batch(partition: int) -> None:
        assert producer is not None
        start = marked[partition]
        if start < batches * BATCH:
            numbered = [Message("k", (), str(each).encode()) for each in range(start, start + BATCH)]
            await producer.send(topic, partition, numbered)
            marked[partition] = start + BATCH

    while min(marked.values()) < batches * BATCH:
        try:
            if producer is None:
                producer = await bus.producer()
            outcomes = await asyncio.gather(*map(next_batch, range(partitions)), return_exceptions=True)
            failed = [each for each in outcomes if each is not None]
            if failed:
                raise failed[0]
            await asyncio.sleep(0.2)  # long enough that the faults meet it half-way
        except BusUnavailable as error:
            failures.append(str(error))
            if producer is not None:
                await producer.abandon()
            producer = None
            await asyncio.sleep(0.2)
    return failures


def _inner(member: Member) -> Any:
    assert isinstance(member.subscription, subscriptions.KafkaSubscription)
    return member.subscription._inner
