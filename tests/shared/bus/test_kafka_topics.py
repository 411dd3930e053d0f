"""An administrator of Kafka changes topics of the product while it runs: nothing is lost or overtaken, and it is told."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import delete, select

from shared.bus import Bus, TopicPartition, partition_of
from shared.bus.kafka import KafkaBus, subscription
from shared.consume import Handlers
from shared.consume.foreign import foreign
from shared.consume.tables import ConsumerPositionRecord, consumer_position
from shared.db import Database, Tx, columns_of
from shared.http.topics import TopicsCheck
from shared.ids import new_id
from shared.outbox import ends, topics, witness
from shared.outbox.lease import FileLease
from shared.outbox.relay import Relay
from shared.outbox.tables import topic_layout
from shared.outbox.topics import TopicFault
from shared.run import roles
from shared.vault import Vault
from tests.parts import kafka, kafka_topics
from tests.parts.databases import Kind
from tests.parts.services import runtime_of, service_with
from tests.parts.waiting import until
from tests.shared.bus.ledger_member import SESSION_SECONDS
from tests.shared.bus.member import Member
from tests.shared.consume.running import booked, consuming_with, send
from tests.shared.ledger import AT, BUG, HANDLERS, PLACE, purchase, row_id, versions

pytestmark = [pytest.mark.kafka, pytest.mark.real_broker]

TOPIC, PARTITIONS, MORE = PLACE.topic, 4, 7
CUSTOMERS = [new_id("cus") for _ in range(30)]


@pytest.fixture
async def bus(broker: kafka.Kafka) -> AsyncIterator[Bus]:
    """The topic with a few partitions, and nothing in it of other tests."""
    if not broker.real or not broker.ours:
        pytest.skip(f"{broker.sentence} cannot do this")
    await kafka.clear(broker.servers, [TOPIC])
    opened = KafkaBus([broker.servers], session_seconds=SESSION_SECONDS)
    await opened.ensure_topics({TOPIC: PARTITIONS})
    yield opened
    await opened.close()
    await kafka.clear(broker.servers, [TOPIC])


@pytest.fixture
def relay(database: Database, bus: Bus, tmp_path: Path) -> Relay:
    lease = FileLease(tmp_path / "test.lease")
    assert lease.try_acquire()
    return Relay("test", database, bus, lease, [TOPIC])


@pytest.fixture
def handlers(tmp_path: Path) -> Handlers:
    """The handlers of the ledger in a group of their own: a group assigns what its members had in the topic of another test."""
    return replace(HANDLERS, consumer=f"toy-{tmp_path.name}")


@asynccontextmanager
async def relaying(relay: Relay) -> AsyncIterator[None]:
    """Let the relay run until the block ends."""
    running = asyncio.create_task(relay.run())
    try:
        yield
    finally:
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running


async def unaudited(_tx: Tx) -> None:
    """Write no row of the audit trail."""


async def publish(database: Database, customers: Sequence[str]) -> None:
    async with database.begin() as tx:
        tx.publish(*(purchase(customer) for customer in customers))


async def places(bus: Bus) -> dict[str, set[int]]:
    """Return the partitions in which each key is."""
    found = dict[str, set[int]]()
    for place, end in (await bus.end_offsets([TOPIC])).items():
        for record in await bus.read(place, 0, end) if end else ():
            found.setdefault((record.key or b"").decode(), set()).add(place.partition)
    return found


async def faults(database: Database, bus: Bus) -> list[TopicFault]:
    return await topics.faults(database, bus, [TOPIC])


async def position(database: Database, partition: int) -> ConsumerPositionRecord:
    statement = select(*columns_of(consumer_position, ConsumerPositionRecord))
    async with database.read() as read:
        record = await read.read_record(
            ConsumerPositionRecord, statement.where(consumer_position.c.partition == partition)
        )
    assert record is not None
    return record


async def test_partitions_that_are_added_leave_each_key_where_it_was(
    database: Database, bus: Bus, broker: kafka.Kafka, relay: Relay, tmp_path: Path
) -> None:
    member = await Member().join(bus, f"growing-{tmp_path.name}", TOPIC)
    async with relaying(relay):
        await publish(database, CUSTOMERS)
        await until(lambda: _read(member, len(CUSTOMERS)))
        await kafka_topics.grow(broker.servers, TOPIC, MORE)
        await publish(database, CUSTOMERS)
        await until(lambda: _read(member, 2 * len(CUSTOMERS)), seconds_max=60)
    assert await faults(database, bus) == [TopicFault("topic_grown", TOPIC, str(MORE), str(PARTITIONS))]

    again = KafkaBus([broker.servers], session_seconds=SESSION_SECONDS)  # a process that started afterwards
    lease = FileLease(tmp_path / "again.lease")
    assert lease.try_acquire()
    await publish(database, CUSTOMERS)
    await Relay("test", database, again, lease, [TOPIC]).drain()
    await until(lambda: _read(member, 3 * len(CUSTOMERS)), seconds_max=60)
    assert await places(again) == {customer: {partition_of(customer, PARTITIONS)} for customer in CUSTOMERS}
    await member.leave()
    await again.close()


async def _read(member: Member, count: int) -> bool:
    return len(member.records) >= count


async def test_a_consumer_reads_partitions_that_are_added(
    database: Database,
    bus: Bus,
    broker: kafka.Kafka,
    vault: Vault,
    handlers: Handlers,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(subscription, "METADATA_SECONDS_MAX", 1)
    async with consuming_with(database, bus, vault, handlers):
        await send(bus, [purchase(CUSTOMERS[0])], PARTITIONS - 1)
        await until(lambda: _booked(database, 1))
        await _send_to_the_last_of(PARTITIONS + 1, broker)
        await until(lambda: _booked(database, 2), seconds_max=60)
    await _send_to_the_last_of(MORE, broker)
    async with consuming_with(
        database, bus, vault, handlers
    ):  # it is back within its session, under its name
        await until(lambda: _booked(database, 3), seconds_max=60)


async def _send_to_the_last_of(partitions: int, broker: kafka.Kafka) -> None:
    """Let the topic grow, and send a record to the partition that was added last."""
    await kafka_topics.grow(broker.servers, TOPIC, partitions)
    other = KafkaBus([broker.servers], session_seconds=SESSION_SECONDS)
    await send(other, [purchase(CUSTOMERS[0])], partitions - 1)
    await other.close()


async def test_a_consumer_goes_on_in_a_topic_that_was_made_anew_with_fewer_partitions(
    database: Database,
    bus: Bus,
    broker: kafka.Kafka,
    vault: Vault,
    handlers: Handlers,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(subscription, "METADATA_SECONDS_MAX", 1)
    async with consuming_with(database, bus, vault, handlers):
        await send(bus, [purchase(CUSTOMERS[0])], PARTITIONS - 1)
        await until(lambda: _booked(database, 1))
        await kafka.clear(broker.servers, [TOPIC])
        other = KafkaBus([broker.servers], session_seconds=SESSION_SECONDS)
        await other.ensure_topics({TOPIC: 1})
        await send(other, [purchase(CUSTOMERS[0])], 0)
        await until(lambda: _booked(database, 2), seconds_max=60)
        (lost,) = await witness.move_back(database, other, unaudited)
        assert lost.place == TopicPartition(TOPIC, PARTITIONS - 1)
    await other.close()


async def _booked(database: Database, count: int) -> bool:
    return await booked(database) >= count


@pytest.mark.parametrize(
    ("setting", "wanted"),
    [
        ("cleanup.policy=compact", "cleanup.policy=delete"),
        ("cleanup.policy=compact,delete", "cleanup.policy=delete"),
        ("retention.ms=60000000", "retention.ms=-1"),
        ("retention.bytes=1000000", "retention.bytes=-1"),
    ],
)
async def test_nothing_is_sent_to_a_topic_that_deletes_records(
    database: Database, bus: Bus, broker: kafka.Kafka, relay: Relay, setting: str, wanted: str
) -> None:
    await publish(database, CUSTOMERS)
    await relay.drain()
    assert await faults(database, bus) == []

    name, _, value = setting.partition("=")
    await kafka_topics.alter(broker.servers, TOPIC, {name: value})
    await until(lambda: _has(database, bus, [TopicFault("topic_deletes", TOPIC, setting, wanted)]))
    await relay._drop()  # what it does after LOOK_SECONDS too
    await publish(database, CUSTOMERS)
    assert await relay.step() == 0

    await kafka_topics.alter(broker.servers, TOPIC, {})
    await until(lambda: _has(database, bus, []))
    await relay._drop()
    await relay.drain()
    assert relay.sent == 2 * len(CUSTOMERS)


async def test_the_relay_looks_again_while_it_runs(
    database: Database, bus: Bus, broker: kafka.Kafka, relay: Relay, monkeypatch: pytest.MonkeyPatch
) -> None:
    await publish(database, CUSTOMERS)
    await relay.drain()
    await kafka_topics.alter(broker.servers, TOPIC, {"retention.ms": "60000000"})
    await until(lambda: _has_some(database, bus))
    await publish(database, CUSTOMERS)
    monkeypatch.setattr(topics, "LOOK_SECONDS", 0.0)
    assert await relay.step() == 0
    assert relay.sent == len(CUSTOMERS)


async def _has(database: Database, bus: Bus, expected: Sequence[TopicFault]) -> bool:
    return await faults(database, bus) == expected


async def _has_some(database: Database, bus: Bus) -> bool:
    return bool(await faults(database, bus))


async def test_a_replica_that_lacks_events_may_not_lead(
    database: Database, bus: Bus, broker: kafka.Kafka, relay: Relay
) -> None:
    name = "unclean.leader.election.enable"
    await kafka_topics.alter(broker.servers, TOPIC, {name: "true"})
    fault = TopicFault("topic_unclean", TOPIC, f"{name}=true", f"{name}=false")
    await until(lambda: _has(database, bus, [fault]))
    await publish(database, CUSTOMERS)
    await relay.drain()
    assert relay.sent == len(CUSTOMERS), "it is said, and everything goes on"


async def test_a_topic_that_was_deleted_is_a_loss_and_its_events_are_sent_again(
    database: Database, bus: Bus, broker: kafka.Kafka, relay: Relay, vault: Vault
) -> None:
    """It is made anew with fewer partitions, so that some in which there were records do not exist any more."""
    await publish(database, CUSTOMERS)
    await relay.drain()
    await kafka.clear(broker.servers, [TOPIC])
    again = KafkaBus([broker.servers], session_seconds=SESSION_SECONDS)
    async with database.read() as read:
        assert await ends.lost_by_bus(read, again, [TOPIC])
    await again.ensure_topics({TOPIC: 2})
    await publish(database, CUSTOMERS)
    await relay._drop()
    relay._bus = again
    with pytest.raises(witness.Behind):
        await relay.step()
    await relay._drop()

    accepted = await witness.accept(
        "test", [TOPIC], database, again, versions=[versions.c.version], id_blocks=[row_id], audit=unaudited
    )
    assert {loss.place.partition for loss in accepted} == set(range(PARTITIONS))
    await relay.drain()
    assert await places(again) == {customer: {partition_of(customer, 2)} for customer in CUSTOMERS}
    assert sum((await again.end_offsets([TOPIC])).values()) == 2 * len(CUSTOMERS)
    assert await faults(database, again) == []
    await again.close()


async def test_a_topic_that_was_made_anew_before_anything_was_sent_is_taken_as_it_is(
    database: Database, bus: Bus, relay: Relay
) -> None:
    async with database.begin() as tx:
        await topics.note(tx, {TOPIC: 12})
    await publish(database, CUSTOMERS)
    await relay.drain()
    assert await places(bus) == {customer: {partition_of(customer, PARTITIONS)} for customer in CUSTOMERS}
    async with database.begin() as tx:
        await tx.execute(delete(topic_layout))


async def test_records_that_are_deleted_before_they_are_applied_stop_their_partition_until_somebody_decides(
    database: Database, bus: Bus, vault: Vault, handlers: Handlers
) -> None:
    place = TopicPartition(TOPIC, 3)

    async def applied(count: int) -> bool:
        return await booked(database) >= count

    async def is_stopped() -> bool:
        return (await position(database, place.partition)).foreign_since is not None

    await send(bus, [purchase(CUSTOMERS[0]) for _ in range(2)], place.partition)
    async with consuming_with(database, bus, vault, handlers):
        await until(lambda: applied(2))
    await send(bus, [purchase(CUSTOMERS[0]) for _ in range(5)], place.partition)
    await bus.prune(place, 4)
    async with consuming_with(database, bus, vault, handlers):
        await until(is_stopped)
        (stopped,) = await foreign(bus, [await position(database, place.partition)])
        assert (stopped.is_before, stopped.position.next_offset, stopped.first) == (True, 2, 4)
        (accepted,) = await witness.move_back(database, bus, unaudited)
        assert (accepted.loss, accepted.known, accepted.found) == ("deleted", 2, 4)
        await until(lambda: applied(5))
    assert not await is_stopped()
    assert await witness.move_back(database, bus, unaudited) == []


async def test_records_that_are_deleted_under_a_running_consumer_are_missed(
    database: Database, bus: Bus, vault: Vault, handlers: Handlers
) -> None:
    """The client goes on at the oldest record that is left, without a word."""
    place = TopicPartition(TOPIC, 3)

    async def waits() -> bool:
        return place in consumer.trouble

    async def is_stopped() -> bool:
        return (await position(database, place.partition)).foreign_since is not None

    async with consuming_with(database, bus, vault, handlers) as consumer:
        events = [purchase(CUSTOMERS[0], order_id=BUG), *(purchase(CUSTOMERS[0]) for _ in range(4))]
        await send(bus, events, place.partition)
        await until(waits)
        await bus.prune(place, 3)
        await until(is_stopped, seconds_max=60)
    assert await booked(database) == 0


@pytest.mark.parametrize("kind", ["sqlite"])
async def test_who_writes_a_topic_that_deletes_is_not_ready_and_who_reads_it_says_so(
    kind: Kind, bus: Bus, broker: kafka.Kafka, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    checks = dict[str, TopicsCheck]()
    async with AsyncExitStack() as stack:
        for name in ("profile", "loyalty"):
            service = service_with(name, tmp_path / name)
            await bus.ensure_topics(roles.topics_of(service))
            runtime, _ = await stack.enter_async_context(
                runtime_of(service, kind, now=AT, bus=await stack.enter_async_context(opened(broker)))
            )
            checks[name] = TopicsCheck(service, runtime)
        assert [await check.watched() for check in checks.values()] == [[], []]
        await kafka_topics.alter(broker.servers, TOPIC, {"cleanup.policy": "compact"})

        monkeypatch.setattr(topics, "LOOK_SECONDS", 0.0)

        async def is_told() -> bool:
            (await checks["profile"].watched(), await checks["loyalty"].watched())
            return bool(checks["profile"]._found and checks["loyalty"]._found)

        await until(is_told)
        (closing,), (told,) = await checks["profile"].gate(), await checks["loyalty"].watched()
        assert await checks["profile"].watched() == await checks["loyalty"].gate() == []
        assert closing.code == told.code == "topic_deletes"
        for language in ("en", "zh"):
            assert f"--entity-name {TOPIC} --add-config cleanup.policy=delete" in closing.words(language)


@asynccontextmanager
async def opened(broker: kafka.Kafka) -> AsyncIterator[Bus]:
    """A bus that is closed at the end, and not by the runtime that uses it."""
    bus = KafkaBus([broker.servers], session_seconds=SESSION_SECONDS)
    yield bus
    await bus.close()
