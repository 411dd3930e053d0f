"""A retry or a discard leaves nothing behind that nobody could act on."""

from collections.abc import Sequence
from dataclasses import replace

import pytest

from shared.bus import Record, TopicPartition
from shared.consume import operator_actions, set_aside
from shared.consume.apply import apply_batch
from shared.consume.operator_actions import SetAside
from shared.context import Context
from shared.db import Database, Tx
from shared.events.base import Cause, Event
from shared.events.profile import CustomerMerged, PurchaseRecorded
from shared.ids import new_id
from shared.vault import Vault
from tests.parts import operators
from tests.parts.contexts import context_of
from tests.shared.ledger import AT, HANDLERS, PLACE, POISON, amounts, lock, purchase, records

A, B = sorted(new_id("cus") for _ in range(2))
SEEN: list[str] = []

ANYWHERE = TopicPartition("test", 0)
"""A topic for events of two topics, whose order a test decides."""


def in_one_topic(events: Sequence[Event]) -> list[Record]:
    return [replace(record, topic=ANYWHERE.topic) for record in records(events)]


async def merged(tx: Tx, _context: Context, events: Sequence[CustomerMerged]) -> None:
    SEEN.extend(event.identity_id for event in events)


WITH_MERGES = replace(HANDLERS, table={**HANDLERS.table, CustomerMerged: [merged]}, lock=lock)


def merge(moved: str, into: str) -> CustomerMerged:
    return CustomerMerged(
        identity_id=moved,
        customer_id=into,
        former_customer_id=moved,
        occurred_at=AT,
        cause=Cause(kind="link", id="lnk_1"),
        link_id=new_id("lnk"),
        ownership_version=1,
        decided_by="person",
    )


async def shelf(database: Database) -> list[SetAside]:
    async with database.read() as read:
        return await operator_actions.page(read)


async def balances(database: Database) -> dict[str, int]:
    async with database.read() as read:
        return dict(await amounts(read))


async def test_what_waits_for_two_customers_is_released_with_the_one_that_held_it(
    database: Database, vault: Vault
) -> None:
    SEEN.clear()
    events = [purchase(A, 1, order_id=POISON), merge(B, A), purchase(B, 8)]
    outcome = await apply_batch(database, WITH_MERGES, context_of(vault), ANYWHERE, in_one_topic(events))
    dead, held, after = await shelf(database)
    assert (outcome.dead, outcome.queued) == (1, 2)
    assert [(shown.state, shown.key, shown.behind) for shown in (dead, held, after)] == [
        ("dead", A, None),
        ("queued", B, A),
        ("queued", B, B),
    ]
    assert await operators.discard(database, WITH_MERGES, context_of(vault), dead.id, by="ana") == 2
    assert SEEN == [B]
    assert await shelf(database) == []
    assert (await balances(database))[B] == 8


async def test_the_records_of_a_key_go_as_they_came_whatever_the_clocks_of_those_who_set_them_aside(
    database: Database, vault: Vault, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ids sort by their makers' clocks, and after a rebalance another makes them."""
    made = iter(sorted((new_id("sad") for _ in range(3)), reverse=True))
    monkeypatch.setattr(set_aside, "new_id", lambda _: next(made))
    orders = [POISON, "second", "third"]
    batch = records([purchase(A, 1, order_id=order) for order in orders])
    for record in batch:
        await apply_batch(database, HANDLERS, context_of(vault), PLACE, [record])
    dead = next(shown for shown in await shelf(database) if shown.state == "dead")
    applied: list[str] = []

    async def mended(tx: Tx, _context: Context, events: Sequence[PurchaseRecorded]) -> None:
        applied.extend(event.order_id for event in events)

    accepting = replace(HANDLERS, table={PurchaseRecorded: [mended]})
    assert await operators.retry(database, accepting, context_of(vault), dead.id, by="ana") == 3
    assert applied == orders


async def test_what_two_dead_records_hold_waits_for_both(database: Database, vault: Vault) -> None:
    SEEN.clear()
    events = [purchase(A, 1, order_id=POISON), purchase(B, 2, order_id=POISON), merge(B, A)]
    await apply_batch(database, WITH_MERGES, context_of(vault), ANYWHERE, in_one_topic(events))
    first, second, held = await shelf(database)
    assert held.behind == B
    assert await operators.discard(database, WITH_MERGES, context_of(vault), second.id, by="ana") == 0
    (left_first, left_held) = await shelf(database)
    assert (left_first.id, left_held.behind) == (first.id, A)
    with pytest.raises(set_aside.NotRetryable):
        await operators.retry(database, WITH_MERGES, context_of(vault), held.id, by="ana")
    assert await operators.discard(database, WITH_MERGES, context_of(vault), first.id, by="ana") == 1
    assert SEEN == [B]
    assert await shelf(database) == []


async def test_a_chain_longer_than_one_retry_takes_another(
    database: Database, vault: Vault, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(operator_actions, "CHAIN_MAX", 3)
    events = [purchase(A, 1, order_id=POISON), *(purchase(A, 10) for _ in range(5))]
    await apply_batch(database, HANDLERS, context_of(vault), PLACE, records(events))
    dead, *_ = await shelf(database)
    assert await operators.discard(database, HANDLERS, context_of(vault), dead.id, by="ana") == 3
    head, last = await shelf(database)
    with pytest.raises(set_aside.NotRetryable):
        await operators.retry(database, HANDLERS, context_of(vault), last.id, by="ana")
    assert await operators.retry(database, HANDLERS, context_of(vault), head.id, by="ana") == 2
    assert await shelf(database) == []
    assert await balances(database) == {A: 50}


async def test_a_later_record_that_is_refused_becomes_the_dead_one(database: Database, vault: Vault) -> None:
    events = [
        purchase(A, 1, order_id=POISON),
        purchase(A, 10),
        purchase(A, 2, order_id=POISON),
        purchase(A, 20),
    ]
    await apply_batch(database, HANDLERS, context_of(vault), PLACE, records(events))
    first, *_ = await shelf(database)
    assert await operators.discard(database, HANDLERS, context_of(vault), first.id, by="ana") == 1
    assert [(shown.state, shown.attempts) for shown in await shelf(database)] == [("dead", 2), ("queued", 1)]
    assert await balances(database) == {A: 10}


async def test_an_event_in_a_topic_of_others_is_set_aside_and_holds_nobody_up(
    database: Database, vault: Vault
) -> None:
    """Who may write to one topic of profile could tell what only feedback may tell, or another service."""
    SEEN.clear()
    forged = [replace(record, topic="huitou.points") for record in records([purchase(A, 1), merge(A, B)])]
    place = TopicPartition("huitou.points", 0)
    outcome = await apply_batch(database, WITH_MERGES, context_of(vault), place, forged)
    assert (outcome.applied, outcome.dead, SEEN, await balances(database)) == (0, 2, [], {})
    assert {(record.code, record.key) for record in await shelf(database)} == {("wrong_topic", None)}
    await apply_batch(database, WITH_MERGES, context_of(vault), PLACE, records([purchase(A, 10)]))
    assert await balances(database) == {A: 10}
