"""The consumers of loyalty, feedback and scoring live through anything, and account for every record of it."""

import os
import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import astuple
from pathlib import Path

import pytest
from sqlalchemy import Row, func, select

from shared.bus import Record, TopicPartition
from shared.consume import set_aside
from shared.consume.apply import BrakePulled, Outcome, apply_batch
from shared.consume.tables import ConsumerPositionRecord, consumer_position
from shared.consume.tables import set_aside as table
from tests.conftest import SEED
from tests.contract.consume.traffic import TOPIC, Traffic
from tests.parts.databases import Kind
from tests.parts.opened import Opened, opened
from tests.parts.sampling import limit

SERVICES = ("loyalty", "feedback", "scoring")
RECORDS = int(os.environ.get("CONSUME_FUZZ_RECORDS", limit(2_500, 10_000)))
TIMEOUT_SECONDS = 900
"""Each of them may be bisected out of its batch: on a busy machine that takes its time."""
PLACE = TopicPartition(TOPIC, 0)
SWITCHED_OFF = 100


def traffic_for(house: Opened, seed: object) -> Traffic:
    """Traffic about whom the service already knows, too."""
    known = [house.owner, house.other]
    remedies = [ids["remedy_id"] for ids in (house.of_owner, house.of_partner) if "remedy_id" in ids]
    return Traffic(random.Random(f"{SEED}:{seed}"), identities=known, remedies=remedies)


async def consume(
    house: Opened, records: Sequence[Record], percent_max: int = SWITCHED_OFF, *, most: int | None = None
) -> Outcome:
    """Apply the records in batches, as the consumer does, without ever taking an error for a permanent one."""
    (handlers,) = house.service.handlers
    total = Outcome()
    size = most or handlers.batch_max
    for start in range(0, len(records), size):
        batch = records[start : start + size]
        outcome = await apply_batch(
            house.runtime.database,
            handlers,
            house.runtime.context,
            PLACE,
            batch,
            set_aside_percent_max=percent_max,
        )
        assert sum(astuple(outcome)) == len(batch), f"records {start} to {start + len(batch)}: {outcome}"
        total = Outcome(*(a + b for a, b in zip(astuple(total), astuple(outcome), strict=True)))
    return total


async def take_position(house: Opened) -> None:
    """Give the consumer its position in the topic, as it has when it is assigned the partition."""
    (handlers,) = house.service.handlers
    async with house.runtime.database.begin() as tx:
        position = ConsumerPositionRecord(handlers.consumer, TOPIC, 0, next_offset=0, moved_at=tx.now)
        await tx.insert_new_records(consumer_position, [position])


@pytest.mark.slow
@pytest.mark.timeout(TIMEOUT_SECONDS)
@pytest.mark.parametrize("kind", ["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)])
@pytest.mark.parametrize("name", SERVICES)
async def test_many_records_of_every_sort_are_each_accounted_for(
    name: str, kind: Kind, tmp_path: Path
) -> None:
    async with opened(name, tmp_path, kind) as house:
        await take_position(house)
        sent = traffic_for(house, name).records(RECORDS)

        total = await consume(house, sent)

        assert sum(astuple(total)) == RECORDS
        assert min(
            total.applied, total.repeated or not house.service.handlers[0].inbox, total.skipped, total.dead
        )
        assert Counter(await _aside(house)) == Counter(dead=total.dead, queued=total.queued)
        async with house.runtime.database.read() as read:
            place = consumer_position.c.next_offset
            assert await read.scalar(select(place).where(consumer_position.c.topic == TOPIC)) == RECORDS
            assert list(await house.service.verify(read)) == []
        await _the_sealed_are_byte_for_byte(house, sent)


async def _aside(house: Opened) -> dict[str, int]:
    """How many records of the topic are kept, by state."""
    columns = table.c
    by_state = select(columns.state, func.count()).where(columns.topic == TOPIC).group_by(columns.state)
    async with house.runtime.database.read() as read:
        rows: Sequence[Row[str, int]] = await read.all(by_state)
    return {row[0]: row[1] for row in rows}


async def _the_sealed_are_byte_for_byte(house: Opened, sent: Sequence[Record]) -> None:
    """What was set aside can be read again as it came."""
    columns = table.c
    statement = select(columns.offset, columns.record).where(columns.topic == TOPIC).order_by(columns.offset)
    async with house.runtime.database.read() as read:
        rows = await read.all(statement.limit(500))
    assert rows
    for offset, token in rows:
        _, value = set_aside.open_record(house.runtime.vault, token)
        assert offset is not None
        assert value == sent[offset].value


@pytest.mark.parametrize("name", SERVICES)
async def test_the_brake_is_pulled_for_a_batch_of_poison_and_nothing_of_it_stays(
    name: str, tmp_path: Path
) -> None:
    async with opened(name, tmp_path) as house:
        await take_position(house)
        traffic = traffic_for(house, f"brake {name}")
        before = await _rows(house)

        with pytest.raises(BrakePulled) as pulled:
            await consume(house, traffic.records(200), percent_max=5, most=200)

        assert "records would be set aside" in str(pulled.value)
        assert await _rows(house) == before


async def _rows(house: Opened) -> dict[str, int]:
    """The number of rows of every table."""
    async with house.runtime.database.read() as read:
        return {
            table.name: await read.scalar(select(func.count()).select_from(table)) or 0
            for metadata in house.service.metadata
            for table in metadata.sorted_tables
        }
