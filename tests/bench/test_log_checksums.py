"""What the checksum of each record costs the way of an event through the embedded log."""

import asyncio
from collections.abc import Sequence
from pathlib import Path

from shared.bus import Message, Record, TopicPartition
from shared.bus.embedded import EmbeddedBus
from shared.bus.packing import checksum
from shared.clock import SystemClock
from shared.events.base import Cause
from shared.events.cloudevents import decode, encode
from shared.events.loyalty import PointsEarned
from shared.ids import new_event_id, new_id
from tests.bench import measuring
from tests.bench.measuring import Race, Stopwatch

PARTITIONS, RECORDS, ROUNDS = 12, 500, 5
RATIO_MIN = 0.95


async def test_checksums_cost_an_event_a_few_per_cent(tmp_path: Path) -> None:
    race = Race(
        "events through the embedded log", "the same without the time of the checksums", ratio_min=RATIO_MIN
    )
    bus = EmbeddedBus(tmp_path / "log.db")
    await bus.ensure_topics({"t": PARTITIONS})
    for number in range(ROUNDS):
        with measuring.timed() as product:
            records = await _there_and_back(bus, number * RECORDS)
        with measuring.timed() as summed:
            for record in records:
                for _ in ("written", "read"):
                    checksum(record.offset, record.key, b"h" * 300, record.value, record.timestamp_ms)
        race.lap(len(records), product, _without(product, summed))
    await bus.close()

    measuring.conclude(race)


async def _there_and_back(bus: EmbeddedBus, offset: int) -> Sequence[Record]:
    """Encode events, write them, read them, and decode them."""
    producer = await bus.producer()
    batches = [[_message() for _ in range(RECORDS)] for _ in range(PARTITIONS)]
    await asyncio.gather(*(producer.send("t", number, batch) for number, batch in enumerate(batches)))
    records = [
        record
        for number in range(PARTITIONS)
        for record in await bus.read(TopicPartition("t", number), offset, RECORDS)
    ]
    assert len([decode(record.headers, record.value) for record in records]) == PARTITIONS * RECORDS
    return records


def _message() -> Message:
    customer_id = new_id("cus")
    event = PointsEarned(
        identity_id=customer_id,
        customer_id=customer_id,
        occurred_at=SystemClock().now(),
        cause=Cause(kind="purchase", id=new_id("pur")),
        programme="default",
        points=5,
        transaction_id="txn_purchase_1",
    )
    headers, value = encode(event, new_event_id(), "/huitou/loyalty")
    return Message(customer_id, tuple(headers), value)


def _without(product: Stopwatch, summed: Stopwatch) -> Stopwatch:
    return Stopwatch(product.seconds - summed.seconds, product.by_the_clock - summed.by_the_clock)
