"""How fast the outbox reaches the bus, also while somebody keeps an old snapshot of the database open."""

import asyncio
import random
from collections import defaultdict
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from shared.bus import Bus, Message, Producer, open_bus, partition_of
from shared.clock import SystemClock
from shared.db import Database, kernel_metadata
from shared.events.base import Cause
from shared.events.cloudevents import encode
from shared.events.loyalty import POINTS, PointsEarned
from shared.ids import new_event_id, new_id
from shared.outbox.lease import FileLease
from shared.outbox.relay import BATCH_MAX, Relay
from shared.run import garbage
from tests.bench import consuming, measuring
from tests.bench.measuring import Race
from tests.conftest import SEED
from tests.parts import databases
from tests.parts.kafka import open_kafka

PARTITIONS = 12
FILL = 500
ROUND_EVENTS, ROUNDS = 10_000, 5
HISTORY_EVENTS = 40_000
"""What was sent and marked since the old snapshot was taken: as many dead entries in the index of pending rows."""
LOG_MIN, KAFKA_MIN = 8_000, 5_000


@pytest.mark.parametrize("kind", databases.KINDS)
async def test_the_relay_fills_the_embedded_log(kind: databases.Kind, tmp_path: Path) -> None:
    race = Race(f"relay, {kind} to the embedded log", "the same batches straight into it", rate_min=LOG_MIN)
    async with _bus("embedded://", tmp_path) as bus, _outbox(kind, tmp_path) as database:
        await _compete(race, database, bus, tmp_path)

    measuring.conclude(race)


@pytest.mark.postgresql
async def test_an_old_snapshot_does_not_slow_the_relay(tmp_path: Path) -> None:
    race = Race(
        "relay, postgresql to the embedded log, old snapshot",
        "the same batches straight into it",
        rate_min=LOG_MIN,
    )
    async with (
        _bus("embedded://", tmp_path) as bus,
        _outbox("postgresql", tmp_path) as database,
        _old_snapshot(database),
    ):
        await _compete(race, database, bus, tmp_path, history=HISTORY_EVENTS)

    measuring.conclude(race)


@pytest.mark.kafka
@pytest.mark.postgresql
async def test_the_relay_fills_kafka(tmp_path: Path) -> None:
    race = Race("relay, postgresql to Kafka", "the same batches straight into it", rate_min=KAFKA_MIN)
    snapshot = Race("relay, postgresql to Kafka, old snapshot", race.baseline, rate_min=KAFKA_MIN)
    kafka = open_kafka()
    try:
        async with _bus(kafka.url, tmp_path) as bus, _outbox("postgresql", tmp_path) as database:
            await _compete(race, database, bus, tmp_path)
            async with _old_snapshot(database):
                await _compete(snapshot, database, bus, tmp_path, history=HISTORY_EVENTS)
    finally:
        kafka.close()

    measuring.conclude(race)
    measuring.conclude(snapshot)


async def _compete(race: Race, database: Database, bus: Bus, folder: Path, *, history: int = 0) -> None:
    lease = FileLease(folder / "bench.lease")
    assert lease.try_acquire()
    relay, producer = Relay("bench", database, bus, lease), await bus.producer()
    garbage.seldom()
    for _ in range((history or BATCH_MAX) // FILL):
        await _fill(database, FILL)
    await relay.drain()
    if database.dialect == "postgresql":
        await consuming.analyse(database)
    for _ in range(ROUNDS):
        messages = await _fill(database, ROUND_EVENTS)
        before = relay.sent
        with measuring.timed() as ours:
            await relay.drain()
        assert relay.sent - before == ROUND_EVENTS
        with measuring.timed() as theirs:
            for start in range(0, ROUND_EVENTS, BATCH_MAX):
                await _send(producer, messages[start : start + BATCH_MAX])
        race.lap(ROUND_EVENTS, ours, theirs)
    await producer.close()
    await lease.release()


async def _fill(database: Database, count: int) -> list[Message]:
    """Publish events by the transactions of consumers; answers the same as messages."""
    events = [_event() for _ in range(count)]
    for start in range(0, count, FILL):
        async with database.begin() as tx:
            tx.publish(*events[start : start + FILL])
    encoded = ((event, *encode(event, new_event_id(), "/huitou/bench")) for event in events)
    return [Message(event.key, tuple(headers), value) for event, headers, value in encoded]


async def _send(producer: Producer, messages: Sequence[Message]) -> None:
    """One round of a relay without a database."""
    parts: dict[int, list[Message]] = defaultdict(list)
    for message in messages:
        parts[partition_of(message.key or "", PARTITIONS)].append(message)
    await asyncio.gather(*(producer.send(POINTS.name, partition, part) for partition, part in parts.items()))


_random = random.Random(SEED)
_customers = [new_id("cus") for _ in range(2_000)]


def _event() -> PointsEarned:
    customer_id, number = _random.choice(_customers), _random.randrange(1, 10**9)
    return PointsEarned(
        identity_id=customer_id,
        customer_id=customer_id,
        occurred_at=SystemClock().now(),
        cause=Cause(kind="purchase", id=new_id("pur")),
        programme="default",
        points=number % 500 + 1,
        transaction_id=f"txn_purchase_{number}",
    )


@asynccontextmanager
async def _bus(url: str, folder: Path) -> AsyncIterator[Bus]:
    bus = open_bus(url, home=folder)
    await bus.ensure_topics({POINTS.name: PARTITIONS})
    try:
        yield bus
    finally:
        await bus.close()


@asynccontextmanager
async def _outbox(kind: databases.Kind, folder: Path) -> AsyncIterator[Database]:
    async with databases.declared(kind, [kernel_metadata], folder=folder, name="bench") as database:
        yield database


@asynccontextmanager
async def _old_snapshot(database: Database) -> AsyncIterator[None]:
    """A dump that was begun and does not end: nothing that dies after it can be cleaned away."""
    connection = await consuming.connect(database.url)
    await connection.execute("BEGIN ISOLATION LEVEL REPEATABLE READ")
    await connection.fetchval("SELECT count(*) FROM outbox")
    try:
        yield
    finally:
        await connection.close()
