"""How far a consumer is behind, on each bus: in records, and in seconds of the oldest that waits."""

import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from shared.bus import Bus, Message, TopicPartition
from shared.bus.embedded import EmbeddedBus
from shared.consume import lag
from shared.consume.handlers import Handlers
from shared.consume.lag import Ages, Lag
from shared.consume.tables import ConsumerPositionRecord, consumer_position
from shared.db import Database, kernel_metadata
from shared.events.profile import PurchaseRecorded
from tests.parts import databases
from tests.parts.waiting import until
from tests.shared.bus.conftest import Buses

SENT = 3


async def _applied(database: Database, topic: str, partition: int, next_offset: int) -> None:
    async with database.begin() as tx:
        position = ConsumerPositionRecord("c", topic, partition, next_offset, tx.now)
        await tx.upsert_records(consumer_position, [position], key=("consumer", "topic", "partition"))


async def _lags(bus: Bus, database: Database, topic: str) -> dict[int, Lag]:
    async def nothing(*_: object) -> None:
        return None

    handlers = Handlers(
        "c",
        {
            type("Told", (PurchaseRecorded,), {"topic": replace(PurchaseRecorded.topic, name=topic)}): [
                nothing
            ]
        },
    )
    async with database.read() as read:
        return {lag.place.partition: lag for lag in await lag.lags(bus, read, [handlers])}


async def _looked(ages: Ages, found: Sequence[Lag]) -> None:
    """Ask until a record could be read in time, which a busy broker may make hard."""

    async def once() -> bool:
        await ages.seconds(found, datetime.now(UTC))
        return bool(ages._sent)

    await until(once)


async def test_lag_is_counted_and_as_old_as_the_oldest_record_that_waits(
    buses: Buses, tmp_path: Path
) -> None:
    bus = buses.open()
    topic = await buses.topic(bus, partitions=2)
    producer = await bus.producer()
    began = time.time()
    for number in range(SENT):
        await producer.send(topic, 0, [Message("k", (), str(number).encode())])
    await producer.close()
    async with databases.declared("sqlite", [kernel_metadata], folder=tmp_path) as database:
        nobody = await _lags(bus, database, topic)
        await _applied(database, topic, 0, 1)
        behind = await _lags(bus, database, topic)
        later = datetime.fromtimestamp(began, UTC) + timedelta(seconds=100)
        ages = Ages(bus)
        await _looked(ages, list(behind.values()))
        waited = await ages.seconds(list(behind.values()), later)
        assert list(ages._sent) == [(TopicPartition(topic, 0), 1)]
        await _applied(database, topic, 0, SENT)
        level = await _lags(bus, database, topic)
        rested = await ages.seconds(list(level.values()), later)
        await _applied(database, topic, 0, SENT + 5)
        beyond = await _lags(bus, database, topic)

    assert {partition: lag.records for partition, lag in nobody.items()} == {0: SENT, 1: 0}
    assert (behind[0].records, level[0].records, beyond[0].records) == (SENT - 1, 0, -5)
    assert 100 - (time.time() - began) - 0.1 <= waited["c", topic] <= 100.001, (
        "a record's time is in whole ms"
    )
    assert rested == {("c", topic): 0.0}
    assert ages._sent == {}


class _Slow(EmbeddedBus):
    """A bus between whose answer and whoever asked it a record is sent and applied."""

    meanwhile: Callable[[], Awaitable[None]] | None = None

    async def end_offsets(self, topics: Sequence[str]) -> dict[TopicPartition, int]:
        ends = await super().end_offsets(topics)
        if self.meanwhile is not None:
            await self.meanwhile()
        return ends


async def test_a_consumer_that_moves_on_while_it_is_looked_at_is_not_beyond_the_end(tmp_path: Path) -> None:
    bus = _Slow(tmp_path / "log.db")
    await bus.ensure_topics({"t": 1})
    producer = await bus.producer()
    async with databases.declared("sqlite", [kernel_metadata], folder=tmp_path) as database:

        async def meanwhile() -> None:
            await producer.send("t", 0, [Message("k", (), b"x")])
            await _applied(database, "t", 0, 1)

        bus.meanwhile = meanwhile
        found = await _lags(bus, database, "t")
    await bus.close()

    assert found[0].records == 0


async def test_a_record_is_looked_at_once_and_no_more_of_them_than_the_limit(buses: Buses) -> None:
    bus = buses.open()
    topic = await buses.topic(bus)
    producer = await bus.producer()
    for partition in range(12):
        await producer.send(topic, partition, [Message("k", (), b"x")])
    await producer.close()
    now = datetime.now(UTC)
    found = [
        Lag("c", TopicPartition(topic, number), 0, 1, now - timedelta(seconds=number)) for number in range(12)
    ]

    ages = Ages(bus)
    await _looked(ages, found)
    first = {place.partition for place, _ in ages._sent}
    await ages.seconds(found, now)

    assert first <= set(range(12 - lag.READS_MAX, 12))
    assert 0 < len(first) <= len(ages._sent) <= 12
