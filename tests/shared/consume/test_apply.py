"""A batch is applied once, whole, and what cannot be applied is set aside beside it."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace

import pytest
from sqlalchemy import func, select

from shared.bus import Record
from shared.consume import operator_actions, set_aside
from shared.consume.apply import BrakePulled, apply_batch
from shared.consume.tables import ConsumerPositionRecord, consumer_position
from shared.consume.tables import set_aside as table
from shared.context import Context
from shared.db import Database, Tx
from shared.events.base import Event
from shared.ids import new_id
from shared.outbox.tables import outbox
from shared.vault import Vault
from tests.parts import operators
from tests.parts.contexts import context_of
from tests.shared.ledger import (
    BUG,
    HANDLERS,
    PLACE,
    POISON,
    Poisoned,
    amounts,
    entries,
    lock,
    purchase,
    records,
    return_of,
)

ONE, TWO, THREE = sorted(new_id("cus") for _ in range(3))


@pytest.fixture
async def placed(database: Database) -> Database:
    """A database in which the consumer has its position."""
    async with database.begin() as tx:
        position = ConsumerPositionRecord("toy", PLACE.topic, 0, 0, tx.now)
        await tx.insert_records(consumer_position, [position])
    return database


async def balances_of(database: Database) -> dict[str, int]:
    async with database.read() as read:
        return dict(await amounts(read))


async def states(database: Database) -> list[tuple[str, str]]:
    async with database.read() as read:
        rows = await read.all(select(table.c.state, table.c.code).order_by(table.c.id))
        return [(state, code) for state, code in rows]


async def test_events_are_applied_and_the_position_moves_with_them(placed: Database, vault: Vault) -> None:
    first = purchase(ONE, 300)
    outcome = await apply_batch(
        placed, HANDLERS, context_of(vault), PLACE, records([first, return_of(first), purchase(TWO, 5)])
    )
    assert (outcome.applied, outcome.dead) == (3, 0)
    assert await balances_of(placed) == {ONE: 0, TWO: 5}
    async with placed.read() as read:
        assert await read.scalar(select(consumer_position.c.next_offset)) == 3


async def test_a_record_that_comes_again_changes_nothing(placed: Database, vault: Vault) -> None:
    batch = records([purchase(ONE, 300), purchase(TWO, 5)])
    await apply_batch(placed, HANDLERS, context_of(vault), PLACE, batch)
    outcome = await apply_batch(placed, HANDLERS, context_of(vault), PLACE, [*batch, batch[0]])
    assert (outcome.applied, outcome.repeated) == (0, 3)
    assert await balances_of(placed) == {ONE: 300, TWO: 5}


@pytest.mark.parametrize("inbox", [True, False])
@pytest.mark.parametrize("ended", ["", "discarded"])
async def test_what_was_set_aside_is_set_aside_once_however_often_it_comes(
    placed: Database, vault: Vault, inbox: bool, ended: str
) -> None:
    """A replay goes over the same records: given up stays given up, and no key is quarantined a second time."""
    handlers = replace(HANDLERS, inbox=inbox)
    batch = records([purchase(ONE, 300), purchase(TWO, order_id=POISON), purchase(TWO, 5)])
    batch.append(replace(batch[0], value=b"{", offset=3))
    await apply_batch(placed, handlers, context_of(vault), PLACE, batch)
    if ended:
        async with placed.read() as read:
            dead = await read.all(select(table.c.id).where(table.c.state == "dead"))
        for (set_aside_id,) in dead:
            await operators.discard(placed, handlers, context_of(vault), set_aside_id, by="a test")
    before = await states(placed), await balances_of(placed)
    again = [batch[1], batch[3]] if ended else batch[1:]  # what waited behind a discarded one is applied
    outcome = await apply_batch(placed, handlers, context_of(vault), PLACE, again)
    assert (outcome.applied, outcome.repeated, outcome.dead, outcome.queued) == (0, len(again), 0, 0)
    assert (await states(placed), await balances_of(placed)) == before


async def test_two_consumers_that_have_a_partition_at_once_set_a_record_aside_once(
    placed: Database, vault: Vault
) -> None:
    """For a moment in a rebalance: the position lets both begin, and neither sees what the other has not committed."""
    batch = records([purchase(TWO, order_id=POISON)])
    batch.append(replace(batch[0], value=b"{", offset=1))
    for first in range(0, 40, 2):
        again = [replace(record, offset=first + number) for number, record in enumerate(batch)]
        both = (
            apply_batch(placed, replace(HANDLERS, inbox=False), context_of(vault), PLACE, again)
            for _ in range(2)
        )
        await asyncio.gather(*both)
        async with placed.read() as read:
            rows = await read.all(select(table.c.offset).where(table.c.offset >= first))
        assert sorted(str(row.offset) for row in rows) == sorted([str(first), str(first + 1)])


async def test_what_a_retry_has_applied_is_a_record_like_any_other(placed: Database, vault: Vault) -> None:
    """A replay that shall build something new has it applied again; where that is refused, it shows."""
    applied: list[str] = []

    async def mended(tx: Tx, context: Context, events: Sequence[Event]) -> None:
        applied.extend(event.key for event in events)

    refusing = replace(HANDLERS, inbox=False)
    accepting = replace(refusing, table={event: [mended] for event in HANDLERS.table})
    batch = records([purchase(ONE, order_id=POISON)])
    await apply_batch(placed, refusing, context_of(vault), PLACE, batch)
    async with placed.read() as read:
        (dead,) = await operator_actions.page(read)
    await operators.retry(placed, accepting, context_of(vault), dead.id, by="a test")
    await apply_batch(placed, accepting, context_of(vault), PLACE, batch)
    assert applied == [ONE, ONE]
    await apply_batch(placed, refusing, context_of(vault), PLACE, batch)
    assert [state for state, _ in await states(placed)] == ["applied", "dead"]


async def test_another_event_in_the_place_of_one_that_was_set_aside_is_not_taken_for_it(
    placed: Database, vault: Vault
) -> None:
    await apply_batch(placed, HANDLERS, context_of(vault), PLACE, records([purchase(ONE, order_id=POISON)]))
    outcome = await apply_batch(placed, HANDLERS, context_of(vault), PLACE, records([purchase(TWO, 5)]))
    assert outcome.applied == 1
    await apply_batch(placed, HANDLERS, context_of(vault), PLACE, records([purchase(THREE, order_id=POISON)]))
    assert [state for state, _ in await states(placed)] == ["dead", "dead"]


async def test_the_position_never_moves_back(placed: Database, vault: Vault) -> None:
    batch = records([purchase(ONE), purchase(ONE)], first_offset=100)
    await apply_batch(placed, HANDLERS, context_of(vault), PLACE, batch)
    await apply_batch(placed, HANDLERS, context_of(vault), PLACE, batch[:1])
    async with placed.read() as read:
        assert await read.scalar(select(consumer_position.c.next_offset)) == 102


async def test_a_poisoned_record_stands_alone_and_its_neighbours_are_applied(
    placed: Database, vault: Vault
) -> None:
    events = [purchase(ONE, 1), purchase(TWO, 2, order_id=POISON), purchase(THREE, 4)]
    outcome = await apply_batch(placed, HANDLERS, context_of(vault), PLACE, records(events))
    assert (outcome.applied, outcome.dead) == (2, 1)
    assert await balances_of(placed) == {ONE: 1, TWO: 0, THREE: 4}
    assert await states(placed) == [("dead", "poisoned")]
    async with placed.read() as read:
        assert await read.scalar(select(func.count()).select_from(outbox)) == 2, "what it published is undone"


async def test_what_comes_after_a_dead_record_of_its_key_waits_behind_it(
    placed: Database, vault: Vault
) -> None:
    bad = purchase(ONE, 2, order_id=POISON)
    await apply_batch(
        placed, HANDLERS, context_of(vault), PLACE, records([bad, purchase(ONE, 4), purchase(TWO, 8)])
    )
    await apply_batch(placed, HANDLERS, context_of(vault), PLACE, records([return_of(bad)], first_offset=3))
    assert await balances_of(placed) == {ONE: 0, TWO: 8}
    assert await states(placed) == [
        ("dead", "poisoned"),
        ("queued", "key_quarantined"),
        ("queued", "key_quarantined"),
    ]


async def test_a_retry_applies_the_chain_in_order(
    placed: Database, vault: Vault, monkeypatch: pytest.MonkeyPatch
) -> None:
    bad = purchase(ONE, 2, order_id=POISON)
    await apply_batch(
        placed, HANDLERS, context_of(vault), PLACE, records([bad, purchase(ONE, 4), return_of(bad)])
    )
    async with placed.read() as read:
        dead = (await operator_actions.page(read))[0]
    with pytest.raises(set_aside.StillRefused):
        await operators.retry(placed, HANDLERS, context_of(vault), dead.id, by="ana")
    monkeypatch.setattr("tests.shared.ledger.POISON", "nothing is poisoned any more")
    assert await operators.retry(placed, HANDLERS, context_of(vault), dead.id, by="ana") == 3
    assert await balances_of(placed) == {ONE: 4}
    async with placed.read() as read:
        assert await operator_actions.page(read) == []
        ended = await operator_actions.page(read, states=["applied"])
    assert [(shown.state, shown.ended_by) for shown in ended] == [("applied", "ana")] * 3


async def test_a_discard_releases_the_chain(placed: Database, vault: Vault) -> None:
    bad = purchase(ONE, 2, order_id=POISON)
    await apply_batch(placed, HANDLERS, context_of(vault), PLACE, records([bad, purchase(ONE, 4)]))
    async with placed.read() as read:
        dead, queued = await operator_actions.page(read)
    with pytest.raises(set_aside.NotRetryable):
        await operators.discard(placed, HANDLERS, context_of(vault), queued.id, by="ana")
    assert await operators.discard(placed, HANDLERS, context_of(vault), dead.id, by="ana") == 1
    assert await balances_of(placed) == {ONE: 4}
    with pytest.raises(set_aside.NotSetAside):
        await operators.retry(placed, HANDLERS, context_of(vault), dead.id, by="ana")


async def test_a_refused_row_is_permanent_and_a_bug_is_so_only_after_its_tries(
    placed: Database, vault: Vault
) -> None:
    outcome = await apply_batch(
        placed, HANDLERS, context_of(vault), PLACE, records([purchase(ONE, 1_000_000)])
    )
    assert outcome.dead == 1
    bug = records([purchase(TWO, 1, order_id=BUG), purchase(THREE, 4)], first_offset=1)
    with pytest.raises(ZeroDivisionError):
        await apply_batch(placed, HANDLERS, context_of(vault), PLACE, bug)
    assert THREE not in await balances_of(placed), "nothing of the batch is committed"
    await apply_batch(placed, HANDLERS, context_of(vault), PLACE, bug, bugs_are_permanent=True)
    assert (await balances_of(placed))[THREE] == 4
    assert await states(placed) == [("dead", "row_refused"), ("dead", "bug")]


async def test_what_is_no_event_is_dead_and_what_is_unknown_is_skipped(
    placed: Database, vault: Vault
) -> None:
    good = records([purchase(ONE, 1)])[0]
    unknown = records([purchase(ONE, 1)], first_offset=1)[0]
    headers = tuple((n, b"profile.moon_landed.v1" if n == "ce_type" else v) for n, v in unknown.headers)
    unknown = Record(*PLACE, 1, unknown.key, headers, unknown.value, 0)
    garbage = Record(*PLACE, 2, None, (("x", b"\xff\x00"),), b"\xff Ana 13800138001", 0)
    outcome = await apply_batch(placed, HANDLERS, context_of(vault), PLACE, [good, unknown, garbage])
    assert (outcome.applied, outcome.skipped, outcome.dead) == (1, 1, 1)
    async with placed.read() as read:
        (dead,) = await operator_actions.page(read)
        opened = await operator_actions.read_one(read, vault, dead.id)
        stored = await read.one(select(table.c.record))
    assert (dead.offset, dead.key) == (2, None)
    assert opened.headers == {"x": "\\xff\x00"}
    assert opened.payload == "\\xff Ana 13800138001"
    assert b"13800138001" not in stored[0], "a stranger's record is kept sealed"


async def test_too_many_dead_records_stop_the_partition_with_nothing_committed(
    placed: Database, vault: Vault
) -> None:
    customers = [new_id("cus") for _ in range(100)]
    events = [
        purchase(customer, order_id=POISON if at < 11 else "fine") for at, customer in enumerate(customers)
    ]
    with pytest.raises(BrakePulled, match="11 of 100"):
        await apply_batch(placed, HANDLERS, context_of(vault), PLACE, records(events))
    assert await states(placed) == []
    async with placed.read() as read:
        assert await read.scalar(select(func.count()).select_from(entries)) == 0
    outcome = await apply_batch(placed, HANDLERS, context_of(vault), PLACE, records(events[1:]))
    assert (outcome.applied, outcome.dead) == (89, 10)
    worse = records([purchase(new_id("cus"), order_id=POISON) for _ in range(20)], first_offset=100)
    outcome = await apply_batch(placed, HANDLERS, context_of(vault), PLACE, worse, set_aside_percent_max=100)
    assert outcome.dead == 20


async def test_a_batch_that_was_applied_elsewhere_meanwhile_is_not_applied_again(
    placed: Database, vault: Vault
) -> None:
    """Two consumers hold the same records during a rebalance: one applies them, the other finds them applied."""
    batch = records([purchase(ONE, 3), purchase(TWO, 5)])
    outcomes = await asyncio.gather(
        *(apply_batch(placed, HANDLERS, context_of(vault), PLACE, batch) for _ in range(2)),
    )
    assert sorted(outcome.applied for outcome in outcomes) == [0, 2]
    assert await balances_of(placed) == {ONE: 3, TWO: 5}


async def test_a_record_that_cannot_even_be_locked_stands_alone(placed: Database, vault: Vault) -> None:
    async def lock_all_but_two(tx: Tx, context: Context, events: Sequence[Event]) -> None:
        if any(event.key == TWO for event in events):
            raise Poisoned
        await lock(tx, context, events)

    handlers = replace(HANDLERS, lock=lock_all_but_two)
    events = [purchase(ONE, 1), purchase(TWO, 2), purchase(THREE, 4), purchase(TWO, 8)]
    outcome = await apply_batch(placed, handlers, context_of(vault), PLACE, records(events))
    assert (outcome.applied, outcome.dead, outcome.queued) == (2, 1, 1)
    assert await balances_of(placed) == {ONE: 1, THREE: 4}
