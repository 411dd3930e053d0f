"""A consumer goes on where it was, waits out what is not the record's fault, and keeps other partitions moving."""

import asyncio
import io
import json
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest
from sqlalchemy import func, select

from shared import logs
from shared.bus import Bus, TopicPartition, partition_of
from shared.bus.groups import EmbeddedSubscription
from shared.consume import consumer as consuming
from shared.consume import stopped_partitions
from shared.consume.consumer import Consumer
from shared.consume.tables import allowed_batch, consumer_position
from shared.consume.tables import set_aside as table
from shared.context import Context
from shared.db import Database, Tx
from shared.events.base import Event
from shared.events.profile import PurchaseRecorded
from shared.ids import new_id
from shared.vault import Vault
from tests.parts.contexts import context_of
from tests.parts.waiting import until
from tests.shared.consume.running import PARTITIONS, TOPIC, booked, consuming_with, send
from tests.shared.ledger import BUG, HANDLERS, POISON, Poisoned, amounts, purchase, recorded


def two_customers_apart() -> tuple[str, str]:
    """Two customers whose records are in different partitions."""
    first = new_id("cus")
    second = next(
        customer_id
        for customer_id in iter(lambda: new_id("cus"), "")
        if partition_of(customer_id, PARTITIONS) != partition_of(first, PARTITIONS)
    )
    return first, second


def fetches_are_written_to(asked: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Write "fetch" between what the test itself writes."""
    fetch = EmbeddedSubscription.fetch

    async def fetching(self: EmbeddedSubscription, **limits: Any) -> Any:
        asked.append("fetch")
        return await fetch(self, **limits)

    monkeypatch.setattr(EmbeddedSubscription, "fetch", fetching)


async def test_a_restarted_consumer_goes_on_where_it_was(database: Database, bus: Bus, vault: Vault) -> None:
    customer = new_id("cus")
    await send(bus, [purchase(customer, 1), purchase(customer, 2)])
    async with consuming_with(database, bus, vault):
        await until(lambda: _booked(database, 2))
    await send(bus, [purchase(customer, 4)])
    async with consuming_with(database, bus, vault) as consumer:
        await until(lambda: _booked(database, 3))
        assert (consumer.counts.applied, consumer.counts.repeated) == (1, 0)
    async with database.read() as read:
        assert await amounts(read) == [(customer, 7)]


async def test_told_to_stop_it_finishes_the_batch_in_hand_and_begins_no_other_of_those_it_has_fetched(
    database: Database, bus: Bus, vault: Vault
) -> None:
    asked = asyncio.Event()

    async def told(tx: Tx, context: Context, events: Sequence[PurchaseRecorded]) -> None:
        asked.set()
        await recorded(tx, context, events)

    handlers = replace(HANDLERS, table={PurchaseRecorded: [told]}, batch_max=1)
    await send(bus, [purchase(customer) for customer in two_customers_apart()])
    await Consumer(database, bus, context_of(vault), handlers, "one").run(asked)
    assert await booked(database) == 1


async def test_two_members_share_the_partitions_and_apply_everything_once(
    database: Database, bus: Bus, vault: Vault
) -> None:
    customers = [new_id("cus") for _ in range(50)]
    async with consuming_with(database, bus, vault), consuming_with(database, bus, vault, member="two"):
        await send(bus, [purchase(customer) for customer in customers])
        await until(lambda: _booked(database, 50))
    async with database.read() as read:
        assert await amounts(read) == [(customer, 100) for customer in sorted(customers)]


async def test_an_outage_pauses_its_partition_until_it_is_over_and_no_other(
    database: Database, bus: Bus, vault: Vault, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(consuming, "BACKOFF_SECONDS_FIRST", 0.01)
    hit, spared = two_customers_apart()
    away = True

    async def fail(tx: Tx, context: Context, events: Sequence[PurchaseRecorded]) -> None:
        if away and any(event.identity_id == hit for event in events):
            raise ConnectionError("the database is away")
        await recorded(tx, context, events)

    handlers = replace(HANDLERS, table={PurchaseRecorded: [fail]})
    async with consuming_with(database, bus, vault, handlers) as consumer:
        await send(bus, [purchase(hit, 1), purchase(spared, 2), purchase(hit, 4), purchase(spared, 8)])
        await until(lambda: _booked(database, 2))
        await until(lambda: _in_trouble(consumer))
        assert [trouble.cause for trouble in consumer.trouble.values()] == ["database"]
        away = False
        await until(lambda: _booked(database, 4))
        assert consumer.trouble == {}
    async with database.read() as read:
        assert dict(await amounts(read)) == {hit: 5, spared: 10}


async def test_a_database_that_hangs_is_asked_once_a_fetch_and_not_once_a_partition(
    database: Database, bus: Bus, vault: Vault, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each time takes a minute: a dozen in a row would be longer than a member may be silent."""
    monkeypatch.setattr(consuming, "BACKOFF_SECONDS_FIRST", 0.01)
    asked: list[str] = []
    away = True

    async def hang(tx: Tx, context: Context, events: Sequence[PurchaseRecorded]) -> None:
        asked.append("handler")
        if away:
            raise TimeoutError
        await recorded(tx, context, events)

    fetches_are_written_to(asked, monkeypatch)
    handlers = replace(HANDLERS, table={PurchaseRecorded: [hang]}, batch_max=1)
    await send(bus, [purchase(new_id("cus")) for _ in range(20)])
    async with consuming_with(database, bus, vault, handlers) as consumer:
        await until(lambda: _all_in_trouble(consumer, 5))
        tried, away = list(asked), False
        await until(lambda: _booked(database, 20))
    assert ("handler", "handler") not in pairwise(tried)


async def test_what_stumbled_once_waits_once_and_goes_on_with_what_comes_after_it(
    database: Database, bus: Bus, vault: Vault, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Applied again out of the same fetch, its partition would be well and stand still for good."""
    monkeypatch.setattr(consuming, "BACKOFF_SECONDS_FIRST", 0.01)
    left, asked = 1, list[str]()

    async def stumble(tx: Tx, context: Context, events: Sequence[PurchaseRecorded]) -> None:
        nonlocal left
        asked.append("handler")
        left -= 1
        if left == 0:
            raise ZeroDivisionError
        await recorded(tx, context, events)

    fetches_are_written_to(asked, monkeypatch)
    handlers = replace(HANDLERS, table={PurchaseRecorded: [stumble]})
    customer = new_id("cus")
    await send(bus, [purchase(customer)])
    async with consuming_with(database, bus, vault, handlers) as consumer:
        await until(lambda: _booked(database, 1))
        await send(bus, [purchase(customer)])
        await until(lambda: _booked(database, 2))
        assert consumer.counts.waits == 1
    assert ("handler", "handler") not in pairwise(asked)


async def test_a_bug_is_tried_five_times_and_then_set_aside(
    database: Database, bus: Bus, vault: Vault, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(consuming, "BACKOFF_SECONDS_FIRST", 0.01)
    customer = new_id("cus")
    tried = 0

    async def stumble(tx: Tx, context: Context, events: Sequence[PurchaseRecorded]) -> None:
        nonlocal tried
        tried += sum(event.order_id == BUG for event in events)
        await recorded(tx, context, events)

    handlers = replace(HANDLERS, table={PurchaseRecorded: [stumble]})
    await send(bus, [purchase(customer, 1, order_id=BUG)])
    async with consuming_with(database, bus, vault, handlers):
        await until(lambda: _set_aside(database, 1))
    assert tried == consuming.BUG_TRIES_MAX + 1


async def test_the_brake_holds_the_partition_and_lets_go_when_it_is_raised(
    database: Database, bus: Bus, vault: Vault
) -> None:
    customer = new_id("cus")
    poisoned = [purchase(customer, 1, order_id=POISON) for _ in range(12)]
    others = [
        customer_id
        for customer_id in (new_id("cus") for _ in range(2_000))
        if partition_of(customer_id, PARTITIONS) == partition_of(customer, PARTITIONS)
    ]
    await send(bus, [purchase(customer_id, order_id=POISON) for customer_id in others[:12]] + poisoned)
    async with consuming_with(database, bus, vault) as consumer:
        await until(lambda: _in_trouble(consumer))
        assert [trouble.cause for trouble in consumer.trouble.values()] == ["brake"]
        assert await booked(database) == 0
    async with database.read() as read:
        assert await read.scalar(select(func.max(consumer_position.c.next_offset))) == 0
        (stopped,) = await stopped_partitions.standing(read)
        assert (stopped.cause, stopped.code) == ("brake", "poisoned")
        assert stopped.place.partition == partition_of(customer, PARTITIONS)
    async with consuming_with(database, bus, vault, percent=100):
        await until(lambda: _set_aside(database, 24))
    async with database.read() as read:
        assert await stopped_partitions.standing(read) == []


async def test_an_operator_lets_the_held_batch_pass_and_the_next_bad_one_is_held_again(
    database: Database, bus: Bus, vault: Vault
) -> None:
    place = TopicPartition(TOPIC, 3)
    await send(bus, [purchase(new_id("cus"), order_id=POISON) for _ in range(12)], 3)
    async with consuming_with(database, bus, vault) as consumer:
        await until(lambda: _held(database, 12))
        async with database.read() as read:
            (stopped,) = await stopped_partitions.standing(read)
        batch = stopped.batch
        assert batch is not None
        assert (batch.from_offset, batch.until_offset, batch.records, batch.dead) == (0, 12, 12, 12)
        assert [(refusals.code, refusals.records) for refusals in batch.refusals] == [("poisoned", 12)]
        await send(bus, [purchase(new_id("cus"), order_id=POISON) for _ in range(20)], 3)
        for wrong in ({"until_offset": 99}, {"from_offset": 1}, {"dead": 33}):
            asked = {"from_offset": 0, "until_offset": 12, "dead": 12} | wrong
            with pytest.raises(stopped_partitions.OtherBatch):
                await _let_pass(database, place, **asked)
        with pytest.raises(stopped_partitions.NotBraked):
            await _let_pass(database, TopicPartition(TOPIC, 4), from_offset=0, until_offset=12, dead=12)

        await _let_pass(database, place, from_offset=0, until_offset=12, dead=12)

        await until(lambda: _set_aside(database, 12))
        await until(lambda: _held(database, 20))
        assert consumer.positions[place] == 12
    async with database.read() as read:
        (stopped,) = await stopped_partitions.standing(read)
        assert (await read.all(select(allowed_batch.c.allowed_by, allowed_batch.c.dead_max)))[0] == (
            "ana",
            12,
        )
    assert stopped.batch is not None
    assert (stopped.batch.from_offset, stopped.batch.until_offset) == (12, 32)


async def test_more_dead_records_than_an_operator_has_let_pass_are_held_again(
    database: Database, bus: Bus, vault: Vault
) -> None:
    await send(bus, [purchase(new_id("cus"), order_id=POISON) for _ in range(12)], 3)
    await send(bus, [purchase(new_id("cus")) for _ in range(12)], 3)
    async with consuming_with(database, bus, vault):
        await until(lambda: _held(database, 12))
    await _let_pass(database, TopicPartition(TOPIC, 3), from_offset=0, until_offset=24, dead=12)

    async def refuse(tx: Tx, context: Context, events: Sequence[Event]) -> None:
        raise Poisoned

    async with consuming_with(database, bus, vault, replace(HANDLERS, table={PurchaseRecorded: [refuse]})):
        await until(lambda: _held(database, 24))
    assert await _set_aside(database, 0)


async def test_a_batch_is_one_line_of_the_log_with_its_lag(
    database: Database, bus: Bus, vault: Vault
) -> None:
    customer, written = new_id("cus"), io.StringIO()
    await send(bus, [purchase(customer, 1), purchase(customer, 2), purchase(customer, 3, order_id=POISON)])
    logs.configure("test", stream=written)
    try:
        async with consuming_with(database, bus, vault):
            await until(lambda: _booked(database, 2))
    finally:
        logs.configure("test")
    lines = [json.loads(line) for line in written.getvalue().splitlines()]
    (line,) = [line for line in lines if line["event"] == "batch applied"]
    assert (line["consumer"], line["topic"], line["records"], line["dead"]) == ("toy", TOPIC, 3, 1)
    assert 0 <= line["lag_seconds"] < 60


async def _booked(database: Database, count: int) -> bool:
    return await booked(database) == count


async def _set_aside(database: Database, count: int) -> bool:
    async with database.read() as read:
        return await read.scalar(select(func.count()).select_from(table)) == count


async def _held(database: Database, dead: int) -> bool:
    """Whether the brake holds one batch with so many dead records."""
    async with database.read() as read:
        stopped = await stopped_partitions.standing(read)
    return [stop.batch and stop.batch.dead for stop in stopped] == [dead]


async def _let_pass(
    database: Database, place: TopicPartition, *, from_offset: int, until_offset: int, dead: int
) -> None:
    async with database.begin() as tx:
        await stopped_partitions.let_pass(
            tx, "toy", place, from_offset=from_offset, until_offset=until_offset, dead=dead, by="ana"
        )


async def _all_in_trouble(consumer: Consumer, partitions: int) -> bool:
    return len(consumer.trouble) >= partitions


async def _in_trouble(consumer: Consumer) -> bool:
    return bool(consumer.trouble)
