"""Several partitions of a topic in one transaction: when nothing is in the way, and never to the cost of one of them."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from pathlib import Path
from random import Random

import pytest
from sqlalchemy import select

from shared.bus import Bus, Record, TopicPartition, open_bus
from shared.consume.apply import apply_batch
from shared.consume.combined import Apart, apply_together, groups
from shared.consume.consumer import Consumer
from shared.consume.tables import ConsumerPositionRecord, consumer_position
from shared.consume.tables import set_aside as table
from shared.context import Context
from shared.db import Database, Tx
from shared.events.base import Event
from shared.ids import new_id
from shared.vault import Vault
from tests.parts.contexts import context_of
from tests.parts.waiting import until
from tests.shared.consume.running import TOPIC, consuming_with, send
from tests.shared.ledger import HANDLERS, PLACE, POISON, amounts, lock, purchase, records, return_of

PARTITIONS = 4
PLACES = [TopicPartition(TOPIC, number) for number in range(PARTITIONS)]


@pytest.fixture
async def bus(tmp_path: Path) -> AsyncIterator[Bus]:
    opened = open_bus("embedded://", home=tmp_path / "bus")
    await opened.ensure_topics({TOPIC: PARTITIONS})
    yield opened
    await opened.close()


@pytest.fixture
async def placed(database: Database) -> Database:
    """A database in which the consumer has its positions."""
    async with database.begin() as tx:
        positions = [
            ConsumerPositionRecord("toy", TOPIC, number, next_offset=0, moved_at=tx.now)
            for number in range(PARTITIONS)
        ]
        await tx.insert_records(consumer_position, positions)
    return database


def at(place: TopicPartition, events: Sequence[Event]) -> list[Record]:
    """Events as they come from this partition."""
    return [replace(record, partition=place.partition) for record in records(events)]


async def positions(database: Database) -> list[int]:
    async with database.read() as read:
        place = consumer_position.c
        return [row[0] for row in await read.all(select(place.next_offset).order_by(place.partition))]


async def balances_of(database: Database) -> dict[str, int]:
    async with database.read() as read:
        return dict(await amounts(read))


def test_a_group_is_of_one_topic_and_no_larger_than_a_batch() -> None:
    other = TopicPartition("huitou.points", 0)
    large, small = (
        at(PLACES[0], [purchase(new_id("cus")) for _ in range(4)]),
        at(PLACES[1], [purchase(new_id("cus"))]),
    )
    batches = {PLACES[3]: small, PLACES[0]: large, PLACES[1]: small, PLACES[2]: small, other: small}
    assert [sorted(group) for group in groups(batches, 3)] == [[other], [PLACES[0]], PLACES[1:]]
    assert [sorted(group) for group in groups(batches, 6)] == [[other], PLACES[:3], [PLACES[3]]]
    assert list(groups({}, 3)) == []


async def test_what_several_partitions_brought_is_applied_in_order_and_moves_each_position(
    placed: Database, vault: Vault
) -> None:
    one, two = new_id("cus"), new_id("cus")
    first = purchase(one, 300)
    batches = {
        PLACES[2]: at(PLACES[2], [first, return_of(first), purchase(one, 7)]),
        PLACES[0]: at(PLACES[0], [purchase(two, 5)]),
    }
    outcomes = await apply_together(placed, HANDLERS, context_of(vault), batches)
    assert {place.partition: outcome.applied for place, outcome in outcomes.items()} == {2: 3, 0: 1}
    assert await balances_of(placed) == {one: 7, two: 5}
    assert await positions(placed) == [1, 0, 3, 0]


async def test_repeats_are_absorbed_and_counted_where_they_came(placed: Database, vault: Vault) -> None:
    seen = at(PLACES[0], [purchase(new_id("cus"), 5)])
    await apply_batch(placed, HANDLERS, context_of(vault), PLACES[0], seen)
    again = {PLACES[0]: seen, PLACES[1]: at(PLACES[1], [purchase(new_id("cus"), 6)])}
    outcomes = await apply_together(placed, HANDLERS, context_of(vault), again)
    assert [(outcomes[place].applied, outcomes[place].repeated) for place in PLACES[:2]] == [(0, 1), (1, 0)]
    assert sorted((await balances_of(placed)).values()) == [5, 6]


@pytest.mark.parametrize("obstacle", ["refused", "unreadable", "quarantined"])
async def test_whatever_is_in_the_way_keeps_all_of_it_apart(
    placed: Database, vault: Vault, obstacle: str
) -> None:
    who, beside = new_id("cus"), at(PLACES[1], [purchase(new_id("cus"), 6)])
    bad = at(PLACES[0], [purchase(who, 5, order_id=POISON if obstacle == "refused" else "o-1")])
    if obstacle == "unreadable":
        bad = [replace(record, value=b"{") for record in bad]
    if obstacle == "quarantined":
        await apply_batch(
            placed, HANDLERS, context_of(vault), PLACE, records([purchase(who, order_id=POISON)])
        )
    before = await positions(placed)
    with pytest.raises(Exception) as raised:
        await apply_together(placed, HANDLERS, context_of(vault), {PLACES[0]: bad, PLACES[1]: beside})
    assert obstacle == "refused" or raised.type is Apart
    assert sum((await balances_of(placed)).values()) == 0
    assert await positions(placed) == before


async def test_a_poison_record_is_set_aside_and_a_bad_partition_stops_while_its_neighbours_go_on(
    database: Database, bus: Bus, vault: Vault
) -> None:
    """The brake counts a partition's own records: eleven dead of eleven stop it, however many came beside it."""
    good = [purchase(new_id("cus"), 3) for _ in range(300)]
    await send(bus, [purchase(new_id("cus"), order_id=POISON) for _ in range(11)], partition=0)
    await send(bus, [*good[:150], purchase(new_id("cus"), order_id=POISON)], partition=1)
    await send(bus, good[150:], partition=2)
    async with consuming_with(database, bus, vault) as consumer:
        await until(lambda: _sum_is(database, 900))
        await until(lambda: _stands(consumer, PLACES[0]))
    async with database.read() as read:
        assert [tuple(row) for row in await read.all(select(table.c.partition, table.c.state))] == [
            (1, "dead")
        ]
    assert (await positions(database))[0] == 0


async def test_records_that_trickle_in_share_transactions(database: Database, bus: Bus, vault: Vault) -> None:
    held: dict[int, set[str]] = {}
    transactions: list[Tx] = []  # kept, so that no two have one id

    async def lock_seen(tx: Tx, context: Context, events: Sequence[Event]) -> None:
        transactions.append(tx)
        held[id(tx)] = {event.key for event in events}
        await lock(tx, context, events)

    for number in range(PARTITIONS):
        await send(bus, [purchase(new_id("cus"), 1)], partition=number)
    async with consuming_with(database, bus, vault, replace(HANDLERS, lock=lock_seen)):
        await until(lambda: _sum_is(database, PARTITIONS))
    assert len(held) < PARTITIONS


@pytest.mark.parametrize("kind", ["postgresql"], indirect=True)
async def test_consumers_that_share_partitions_in_a_rebalance_do_not_deadlock(
    placed: Database, seeded: Random, vault: Vault
) -> None:
    """One partition after the other, in opposite order, would deadlock 37 times of 40."""
    customers = [[new_id("cus") for _ in range(10)] for _ in PLACES]
    for round_number in range(20):
        batches = {
            place: at(place, [purchase(seeded.choice(customers[place.partition]), 1) for _ in range(20)])
            for place in PLACES
        }
        batches = {
            place: [replace(record, offset=record.offset + 20 * round_number) for record in batch]
            for place, batch in batches.items()
        }
        one, other = dict(list(batches.items())[:3]), dict(reversed(list(batches.items())[1:]))
        outcomes = await asyncio.gather(
            *(apply_together(placed, HANDLERS, context_of(vault), group) for group in (one, other))
        )
        assert sum(outcome.applied for group in outcomes for outcome in group.values()) == 80
    assert sum((await balances_of(placed)).values()) == 20 * 80
    assert await positions(placed) == [400] * PARTITIONS


async def _sum_is(database: Database, amount: int) -> bool:
    return sum((await balances_of(database)).values()) == amount


async def _stands(consumer: Consumer, place: TopicPartition) -> bool:
    return place in consumer.trouble and consumer.trouble[place].cause == "brake"
