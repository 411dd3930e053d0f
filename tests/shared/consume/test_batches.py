"""What a batch is: one partition, one transaction, its locks taken once and first, its rows written in key order."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import Executable, column, func, select, table, text, update

from shared.bus import Bus, TopicPartition
from shared.consume import consumer as consuming
from shared.consume import set_aside
from shared.consume.apply import apply_batch
from shared.consume.consumer import Consumer
from shared.consume.handlers import BATCH_MAX, Handlers
from shared.consume.tables import consumer_position, inbox
from shared.consume.tables import set_aside as set_aside_table
from shared.context import Context
from shared.db import Database, Tx
from shared.events.base import Event
from shared.events.profile import PurchaseRecorded, PurchaseReturned
from shared.ids import new_id
from shared.vault import Vault
from tests.parts.contexts import context_of
from tests.parts.waiting import until
from tests.shared.consume.running import PARTITIONS, TOPIC, booked, consuming_with, send
from tests.shared.ledger import (
    HANDLERS,
    PLACE,
    POISON,
    amounts,
    lock,
    purchase,
    recorded,
    records,
    return_of,
    returned,
)


async def in_written_order(database: Database, name: str, key: str) -> list[Any]:
    """A column in the order in which its rows were written."""
    place = "ctid" if database.dialect == "postgresql" else "rowid"
    async with database.read() as read:
        found: Executable = select(column(key)).select_from(table(name)).order_by(column(place))
        return [row[0] for row in (await read.run(found)).all()]


async def test_the_locks_of_all_waves_are_taken_once_and_before_the_first(
    database: Database, vault: Vault
) -> None:
    """Locks taken wave by wave would be in no order at all across two batches."""
    did: list[str | set[str]] = []

    async def lock_all(tx: Tx, context: Context, events: Sequence[Event]) -> None:
        did.append({event.key for event in events})
        await lock(tx, context, events)

    async def buy(tx: Tx, context: Context, events: Sequence[PurchaseRecorded]) -> None:
        did.append("bought")
        await recorded(tx, context, events)

    async def bring_back(tx: Tx, context: Context, events: Sequence[PurchaseReturned]) -> None:
        did.append("returned")
        await returned(tx, context, events)

    handlers = Handlers("toy", {PurchaseRecorded: [buy], PurchaseReturned: [bring_back]}, lock=lock_all)
    one, two = new_id("cus"), new_id("cus")
    first = purchase(one)
    events = [first, return_of(first), purchase(one), purchase(two)]
    await apply_batch(database, handlers, context_of(vault), PLACE, records(events))
    assert did == [{one, two}, "bought", "returned", "bought"]


async def test_a_transaction_holds_no_more_records_than_a_batch(
    database: Database, bus: Bus, vault: Vault
) -> None:
    held: dict[int, int] = {}
    transactions: list[Tx] = []  # kept, so that no two have one id

    async def lock_seen(tx: Tx, context: Context, events: Sequence[Event]) -> None:
        transactions.append(tx)
        held[id(tx)] = len(events)
        await lock(tx, context, events)

    customers = [new_id("cus") for _ in range(40)]
    await send(bus, [purchase(customer) for customer in customers])
    handlers = replace(HANDLERS, lock=lock_seen, batch_max=3)
    async with consuming_with(database, bus, vault, handlers):
        await until(lambda: _booked(database, len(customers)))
    assert max(held.values()) <= 3
    assert BATCH_MAX == HANDLERS.batch_max == 500


@pytest.mark.own_database
async def test_rows_of_many_keys_are_written_in_the_order_of_the_keys(
    database: Database, bus: Bus, vault: Vault
) -> None:
    """Two transactions that write the same rows in opposite order deadlock."""
    await apply_batch(
        database, HANDLERS, context_of(vault), PLACE, records([purchase(new_id("cus")) for _ in range(40)])
    )
    written = await in_written_order(database, inbox.name, "event_id")
    assert len(written) == 40
    assert written == sorted(written)

    backwards = [TopicPartition(TOPIC, number) for number in reversed(range(PARTITIONS))]
    await Consumer(database, bus, context_of(vault), HANDLERS, "one")._assigned(backwards)
    assert await in_written_order(database, consumer_position.name, "partition") == list(range(PARTITIONS))


async def test_a_consumer_that_recomputes_everything_keeps_no_event_ids(
    database: Database, vault: Vault
) -> None:
    batch = records([purchase(new_id("cus"))])
    outcome = await apply_batch(
        database, replace(HANDLERS, inbox=False), context_of(vault), PLACE, [*batch, *batch]
    )
    assert (outcome.applied, outcome.repeated) == (1, 1), "a record that is twice in one batch is one"
    assert await in_written_order(database, inbox.name, "event_id") == []


async def test_more_than_ten_dead_are_no_reason_to_stop_when_they_are_few_of_many(
    database: Database, vault: Vault
) -> None:
    orders = [POISON] * 11 + ["fine"] * (11 * 20 - 11)
    events = [purchase(new_id("cus"), order_id=order) for order in orders]
    outcome = await apply_batch(database, HANDLERS, context_of(vault), PLACE, records(events))
    assert (outcome.applied, outcome.dead) == (209, 11), "eleven of 220 are exactly 5 %"


async def test_an_outage_is_never_a_reason_to_set_a_record_aside(database: Database, vault: Vault) -> None:
    async def away(tx: Tx, context: Context, events: Sequence[PurchaseRecorded]) -> None:
        raise ConnectionError

    handlers = replace(HANDLERS, table={PurchaseRecorded: [away]})
    with pytest.raises(ConnectionError):
        await apply_batch(
            database,
            handlers,
            context_of(vault),
            PLACE,
            records([purchase(new_id("cus"))]),
            bugs_are_permanent=True,
        )
    async with database.read() as read:
        assert await read.scalar(select(func.count()).select_from(set_aside_table)) == 0


async def test_a_bug_that_passes_within_five_tries_sets_nothing_aside(
    database: Database, bus: Bus, vault: Vault, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(consuming, "BACKOFF_SECONDS_FIRST", 0.01)
    tried = 0

    async def stumble(tx: Tx, context: Context, events: Sequence[PurchaseRecorded]) -> None:
        nonlocal tried
        tried += 1
        if tried <= 5:
            raise ZeroDivisionError
        await recorded(tx, context, events)

    await send(bus, [purchase(new_id("cus"))])
    handlers = replace(HANDLERS, table={PurchaseRecorded: [stumble]})
    async with consuming_with(database, bus, vault, handlers):
        await until(lambda: _booked(database, 1), what="the sixth attempt succeeds")


@pytest.mark.parametrize("kind", ["postgresql"], indirect=True)
@pytest.mark.parametrize("lost", [2, 3])
async def test_a_lost_race_has_three_tries_at_once_and_then_waits_like_an_outage(
    database: Database, bus: Bus, vault: Vault, monkeypatch: pytest.MonkeyPatch, lost: int
) -> None:
    monkeypatch.setattr(consuming, "BACKOFF_SECONDS_FIRST", 3600.0)
    left = lost

    async def race(tx: Tx, context: Context, events: Sequence[PurchaseRecorded]) -> None:
        nonlocal left
        await recorded(tx, context, events)
        if left:
            left -= 1
            await tx.execute(text("DO $$ BEGIN RAISE EXCEPTION 'lost' USING ERRCODE = '40P01'; END $$"))

    await send(bus, [purchase(new_id("cus"))])
    handlers = replace(HANDLERS, table={PurchaseRecorded: [race]})
    async with consuming_with(database, bus, vault, handlers) as consumer:
        if lost == 2:
            await until(lambda: _booked(database, 1))
        else:
            await until(lambda: _in_trouble(consumer))
            assert [trouble.cause for trouble in consumer.trouble.values()] == ["database"]
    assert left == 0


async def test_a_batch_waits_for_the_operator_who_opens_a_quarantine(
    database: Database, vault: Vault
) -> None:
    """Otherwise it could look at the quarantine, and queue its record behind a dead one that has just been ended."""
    who = new_id("cus")
    await apply_batch(
        database, HANDLERS, context_of(vault), PLACE, records([purchase(who, 2, order_id=POISON)])
    )
    async with database.begin() as tx:
        await set_aside.lock_consumer(tx, HANDLERS.consumer, exclusive=True)
        batch = records([purchase(who, 4)], first_offset=1)
        applying = asyncio.create_task(apply_batch(database, HANDLERS, context_of(vault), PLACE, batch))
        if database.dialect == "postgresql":
            await until(lambda: _one_waits(database), what="the batch waits for the operator")
        ended = {"state": "discarded", "ended_at": tx.now, "ended_by": "ana"}
        await tx.execute(update(set_aside_table).values(**ended))
    assert (await applying).queued == 0
    async with database.read() as read:
        assert await amounts(read) == [(who, 4)]


async def _booked(database: Database, count: int) -> bool:
    return await booked(database) == count


async def _in_trouble(consumer: Consumer) -> bool:
    return bool(consumer.trouble)


async def _one_waits(database: Database) -> bool:
    waiting = text(
        "SELECT 1 FROM pg_locks JOIN pg_database ON pg_database.oid = pg_locks.database"
        " WHERE NOT granted AND locktype = 'advisory' AND datname = current_database()"
    )
    async with database.read() as read:
        return (await read.run(waiting)).first() is not None
