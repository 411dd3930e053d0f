"""Tx and Read keep their promises on both databases."""

import asyncio
from dataclasses import asdict
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Executable, Table, delete, func, insert, select, text, update

from shared.clock import ManualClock
from shared.db import Database, Slot, any_of, any_of_rows, failures, locks, open_database, postgres
from shared.db.access import Records
from shared.db.rehearsal import rehearsed
from shared.events import cloudevents
from shared.ids import new_id
from shared.outbox.tables import outbox
from tests.shared.ledger import AT, BalanceRecord, EntryRecord, amounts, balances, entries, purchase

CUSTOMER = new_id("cus")

LOCKED: Slot[list[str]] = Slot("locked", list)


def entry(name: str, amount: int = 1) -> EntryRecord:
    return EntryRecord(name, CUSTOMER, amount, AT, {"k": [1, None, "é"]}, b"\x00\xff")


async def test_what_is_written_in_bulk_is_read_back_exactly(database: Database) -> None:
    async with database.begin() as tx:
        await tx.insert_records(entries, [entry("a"), entry("b", 2)])
    async with database.read() as read:
        booked = await read.read_records(EntryRecord, select(entries).order_by(entries.c.id))
    assert booked == [entry("a"), entry("b", 2)]
    assert booked[0].occurred_at.utcoffset() == timedelta(0)


async def test_insert_new_returns_exactly_what_was_new(database: Database) -> None:
    async with database.begin() as tx:
        await tx.insert_records(entries, [entry("b")])
        new = await tx.insert_new_records(
            entries, [entry("a"), entry("b"), entry("c")], returning=[entries.c.id, entries.c.occurred_at]
        )
    assert new == [("a", AT), ("c", AT)]


async def test_upsert_and_update_touch_only_what_they_name(database: Database) -> None:
    async with database.begin() as tx:
        await tx.upsert_records(
            balances,
            [BalanceRecord("a", 1), BalanceRecord("b", 2)],
            key=["identity_id"],
        )
        await tx.upsert_records(
            balances,
            [BalanceRecord("b", 20), BalanceRecord("c", 3)],
            key=["identity_id"],
        )
        await tx.update_records(balances, [BalanceRecord("a", 10)], key=["identity_id"])
    async with database.read() as read:
        assert await amounts(read) == [("a", 10), ("b", 20), ("c", 3)]


async def test_a_value_that_may_only_rise_is_not_lowered(database: Database) -> None:
    async with database.begin() as tx:
        for amounts_told in ([5, 5, 5], [4, 5, 6]):
            await tx.upsert_records(
                balances,
                [BalanceRecord(name, amount) for name, amount in zip("abc", amounts_told, strict=True)],
                key=["identity_id"],
                rising="amount",
            )
    async with database.read() as read:
        assert await amounts(read) == [("a", 5), ("b", 5), ("c", 6)]


async def test_any_of_takes_texts_numbers_instants_and_bytes(database: Database) -> None:
    async with database.begin() as tx:
        await tx.insert_records(entries, [entry("a", 1), entry("b", 2), entry("c", 3)])
        c = entries.c

        async def ids(condition: object) -> list[str]:
            return [name for (name,) in await tx.all(select(c.id).where(condition).order_by(c.id))]  # type: ignore[arg-type]

        assert await ids(any_of(c.id, ["a", "c", "x"])) == ["a", "c"]
        assert await ids(any_of(c.amount, [2])) == ["b"]
        assert await ids(any_of(c.occurred_at, [AT])) == ["a", "b", "c"]
        assert await ids(any_of(c.token, [b"\x00\xff"])) == ["a", "b", "c"]
        assert await ids(any_of(c.id, [])) == []
        assert await ids(any_of_rows([c.id, c.amount], [("a", 1), ("b", 9)])) == ["a"]


async def test_a_transaction_begins_at_its_first_statement(database: Database) -> None:
    async with database.begin():
        async with database.begin() as other:  # with SQLite's one writer this would wait for ever
            await other.insert_records(balances, [BalanceRecord("a", 1)])


async def test_what_raises_is_rolled_back_with_what_it_published(database: Database) -> None:
    with pytest.raises(RuntimeError):
        async with database.begin() as tx:
            await tx.insert_records(balances, [BalanceRecord("a", 1)])
            tx.publish(purchase(CUSTOMER))
            raise RuntimeError
    async with database.read() as read:
        assert await amounts(read) == []
        assert await read.scalar(select(func.count()).select_from(outbox)) == 0


async def test_what_is_published_is_in_the_outbox_in_order_when_the_commit_is(database: Database) -> None:
    woken = []
    database.on_published.append(lambda: woken.append(True))
    events = [purchase(CUSTOMER, order_id=f"o-{number}") for number in range(5)]
    async with database.begin() as tx:
        tx.publish(*events)
    async with database.read() as read:
        rows = await read.all(select(outbox).order_by(outbox.c.id))
    assert [type(events[0]).model_validate_json(row.payload) for row in rows] == events
    assert {(row.topic, row.key, row.type) for row in rows} == {
        (events[0].topic.name, CUSTOMER, events[0].type)
    }
    assert woken == [True]


async def test_all_events_of_a_transaction_are_written_by_one_statement_at_its_end(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    written: list[tuple[str, int]] = []
    async with database.begin() as tx:
        insert_records = tx.insert_records

        async def counted(table: Table[Any], records: Records) -> None:
            written.append((table.name, len(records)))
            await insert_records(table, records)

        monkeypatch.setattr(tx, "insert_records", counted)
        tx.publish(purchase(CUSTOMER))
        tx.publish(purchase(CUSTOMER), purchase(new_id("cus")))
        assert written == []
    assert written == [("outbox", 3)]


async def test_an_event_that_no_bus_would_take_is_refused_with_its_transaction(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cloudevents, "EVENT_BYTES_MAX", 100)
    with pytest.raises(cloudevents.MalformedRecord, match="too_large"):
        async with database.begin() as tx:
            await tx.insert_records(balances, [BalanceRecord("a", 1)])
            tx.publish(purchase(CUSTOMER))
    async with database.read() as read:
        assert await amounts(read) == []
        assert await read.scalar(select(func.count()).select_from(outbox)) == 0


async def test_a_savepoint_undoes_its_part_with_what_it_published_and_kept(database: Database) -> None:
    async with database.begin() as tx:
        await tx.insert_records(balances, [BalanceRecord("a", 1)])
        tx.slot(LOCKED).append("a")
        with pytest.raises(RuntimeError):
            async with tx.savepoint():
                await tx.insert_records(balances, [BalanceRecord("b", 1)])
                tx.publish(purchase(CUSTOMER))
                tx.slot(LOCKED).append("b")
                raise RuntimeError
        assert tx.slot(LOCKED) == []
        async with tx.savepoint():
            await tx.insert_records(balances, [BalanceRecord("c", 1)])
    async with database.read() as read:
        assert await amounts(read) == [("a", 1), ("c", 1)]
        assert await read.scalar(select(func.count()).select_from(outbox)) == 0


async def test_a_rehearsed_part_leaves_nothing_but_what_was_read_of_it(database: Database) -> None:
    async with database.begin() as tx:
        await tx.insert_records(balances, [BalanceRecord("a", 1)])
        async with rehearsed(tx):
            await tx.insert_records(balances, [BalanceRecord("b", 2)])
            tx.publish(purchase(CUSTOMER))
            seen = await amounts(tx)
        with pytest.raises(RuntimeError):
            async with rehearsed(tx):
                raise RuntimeError
    async with database.read() as read:
        assert (seen, await amounts(read)) == ([("a", 1), ("b", 2)], [("a", 1)])
        assert await read.scalar(select(func.count()).select_from(outbox)) == 0


async def test_a_statement_that_fails_in_a_savepoint_leaves_the_transaction_usable(
    database: Database,
) -> None:
    async with database.begin() as tx:
        with pytest.raises(Exception) as refused:
            async with tx.savepoint():
                await tx.insert_records(balances, [BalanceRecord("a", 1_000_000)])
        assert failures.is_row_refused(refused.value)
        assert not failures.is_transient(refused.value)
        await tx.insert_records(balances, [BalanceRecord("a", 1)])
    async with database.read() as read:
        assert await amounts(read) == [("a", 1)]


async def test_booking_time_is_fixed_when_first_asked_for(database: Database) -> None:
    clock = ManualClock(AT)
    database.clock = clock
    async with database.begin() as tx:
        clock.advance(timedelta(seconds=5))
        first = tx.now
        clock.advance(timedelta(seconds=5))
        assert tx.now == first == AT + timedelta(seconds=5)


async def test_a_reader_does_not_see_what_is_not_committed_and_does_not_wait(database: Database) -> None:
    async with database.begin() as tx:
        await tx.insert_records(balances, [BalanceRecord("a", 1)])
        async with database.read() as read:
            assert await amounts(read) == []
    async with database.read() as read:
        assert await amounts(read) == [("a", 1)]


async def test_a_reader_holds_no_snapshot_between_its_statements(database: Database) -> None:
    async with database.read() as read:
        assert await amounts(read) == []
        async with database.begin() as tx:
            await tx.insert_records(balances, [BalanceRecord("a", 1)])
        assert await amounts(read) == [("a", 1)]
        if database.dialect == "postgresql":
            state = select(func.pg_current_xact_id()), select(func.pg_current_xact_id())
            assert await read.scalar(state[0]) != await read.scalar(state[1]), "each statement is on its own"


@pytest.mark.parametrize("kind", ["postgresql"], indirect=True)
async def test_a_transaction_is_read_committed_whatever_the_server_prefers(database: Database) -> None:
    """After a lock was waited for, the next statement must see what its last holder committed."""
    async with database.begin() as tx:
        name = await tx.scalar(select(func.current_database()))
        prefer = f'ALTER DATABASE "{name}" SET default_transaction_isolation TO serializable'
        await tx.execute(text(prefer))
    fresh = open_database(database.url)
    async with fresh.begin() as tx:
        assert await tx.scalar(select(func.current_setting("transaction_isolation"))) == "read committed"
    await fresh.close()


@pytest.mark.parametrize("kind", ["postgresql"], indirect=True)
async def test_a_transaction_that_nobody_goes_on_with_is_ended_and_lets_its_rows_go(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with database.begin() as tx:
        await tx.insert_records(balances, [BalanceRecord("a", 1)])
    monkeypatch.setattr(postgres, "IDLE_TRANSACTION_SECONDS_MAX", 0.2)
    frozen = open_database(database.url)

    with pytest.raises(Exception) as ended:
        async with frozen.begin() as zombie:
            await zombie.execute(update(balances).values(amount=2))
            async with database.begin() as tx:  # waits for the row until the server has ended the other
                await tx.execute(update(balances).values(amount=balances.c.amount + 10))
            await zombie.execute(update(balances).values(amount=3))

    await frozen.close()
    assert failures.is_transient(ended.value)
    async with database.read() as read:
        assert await amounts(read) == [("a", 11)]


async def test_append_only_refuses_update_delete_replace_and_truncate(database: Database) -> None:
    async with database.begin() as tx:
        await tx.insert_records(entries, [entry("a")])
    forbidden: list[Executable] = [update(entries).values(amount=9), delete(entries)]
    if database.dialect == "postgresql":
        forbidden += [text("TRUNCATE entry")]
    else:
        forbidden += [insert(entries).prefix_with("OR REPLACE").values(asdict(entry("a", 9)))]
    for statement in forbidden:
        with pytest.raises(Exception) as refused:
            async with database.begin() as tx:
                await tx.execute(statement)
        assert failures.is_row_refused(refused.value), statement


async def test_fifty_writers_lose_nothing_and_none_is_refused(database: Database) -> None:
    async with database.begin() as tx:
        await tx.insert_records(balances, [BalanceRecord("a", 0)])

    async def add_one() -> None:
        async with database.begin() as tx:
            amount = await tx.scalar(select(balances.c.amount).with_for_update())
            assert amount is not None
            await tx.execute(update(balances).values(amount=amount + 1))

    await asyncio.gather(*(add_one() for _ in range(50)))
    async with database.read() as read:
        assert await amounts(read) == [("a", 50)]


async def test_try_lock_is_refused_at_once_and_free_again_at_the_end(database: Database) -> None:
    async with database.begin() as first:
        assert await first.try_lock(b"k" * 16)
        async with database.begin() as second:
            assert not await second.try_lock(b"k" * 16)
            assert await second.try_lock(b"other" * 16)
    async with database.begin() as third:
        assert await third.try_lock(b"k" * 16)


async def test_bucket_locks_are_sorted_and_the_same_in_every_process(database: Database) -> None:
    assert locks.buckets(["b", "a", "b"]) == sorted(set(locks.buckets(["a", "b"])))
    assert locks.buckets(["purchase:1"]) == [17]
    async with database.begin() as tx:
        await locks.rendezvous(tx, [f"k{number}" for number in range(500)], exclusive=True)
        await locks.identities(tx, ["a"])
