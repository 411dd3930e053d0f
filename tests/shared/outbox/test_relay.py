"""The relay sends every row, in each key's order, marks what was acknowledged, and nothing without its lease."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Table, Text, cast, func, select

from shared.bus import (
    Bus,
    BusUnavailable,
    Guard,
    Message,
    Producer,
    Record,
    TopicSettings,
    open_bus,
    unguarded,
)
from shared.db import Database
from shared.db.access import Records
from shared.events.base import Cause
from shared.events.profile import ACCESS, ApiKeyChanged, PurchaseRecorded
from shared.ids import new_id
from shared.outbox import relay as relaying
from shared.outbox import topics
from shared.outbox.lease import FileLease, LeaseLost
from shared.outbox.relay import Relay
from shared.outbox.tables import outbox
from tests.parts.waiting import until
from tests.shared.ledger import AT, PLACE, purchase

TOPIC = PLACE.topic


class Faulty:
    """A real bus whose producers fail on demand, before or after the broker took the records."""

    def __init__(self, bus: Bus) -> None:
        self.bus = bus
        self.fail: list[str] = []
        self.producers = 0
        self.ended: list[str] = []
        self.under_way: Counter[tuple[str, int]] = Counter()
        self.most_under_way = 0
        self.after_send: Callable[[], Awaitable[None]] | None = None
        self.deleting: set[str] = set()
        """The topics to which an administrator gave a retention."""

    async def settings(self, topics: Sequence[str]) -> dict[str, TopicSettings]:
        settings = await self.bus.settings(topics)
        return {
            topic: replace(current, retention_ms=60_000 if topic in self.deleting else -1)
            for topic, current in settings.items()
        }

    async def producer(self, guard: Guard = unguarded) -> Producer:
        self.producers += 1
        return FaultyProducer(self, await self.bus.producer(guard))

    def __getattr__(self, name: str) -> object:
        return getattr(self.bus, name)


class FaultyProducer:
    def __init__(self, faults: Faulty, inner: Producer) -> None:
        self.faults, self.inner = faults, inner

    async def send(self, topic: str, partition: int, messages: Sequence[Message]) -> int | None:
        self.faults.under_way[topic, partition] += 1
        self.faults.most_under_way = max(self.faults.most_under_way, *self.faults.under_way.values())
        fault = self.faults.fail.pop() if self.faults.fail else ""
        if fault == "before":
            raise BusUnavailable("the cable is out")
        end = await self.inner.send(topic, partition, messages)
        if fault == "after":
            raise BusUnavailable("the answer was lost")
        self.faults.under_way[topic, partition] -= 1
        if self.faults.after_send is not None:
            await self.faults.after_send()
        return end

    async def close(self) -> None:
        self.faults.ended.append("closed")
        await self.inner.close()

    async def abandon(self) -> None:
        self.faults.ended.append("abandoned")
        await self.inner.abandon()


@pytest.fixture
async def bus(tmp_path: Path) -> AsyncIterator[Faulty]:
    opened = open_bus("embedded://", home=tmp_path / "bus")
    await opened.ensure_topics({TOPIC: 12, ACCESS.name: 1})
    yield Faulty(opened)
    await opened.close()


@pytest.fixture
def relay(database: Database, bus: Faulty, lease: FileLease) -> Relay:
    return Relay("test", database, bus, lease)  # type: ignore[arg-type]


async def publish(database: Database, customers: Sequence[str], rounds: int = 1) -> list[PurchaseRecorded]:
    events = []
    for number in range(rounds):
        async with database.begin() as tx:
            made = [purchase(customer, order_id=f"{number}") for customer in customers]
            tx.publish(*made)
        events += made
    return events


async def topic_of(bus: Faulty, topic: str = TOPIC) -> list[Record]:
    found: list[Record] = []
    for place, end in (await bus.bus.end_offsets([topic])).items():
        offset = 0
        while offset < end:
            read = await bus.bus.read(place, offset, 500)
            found += read
            offset = read[-1].offset + 1
    return found


async def pending(database: Database) -> int:
    async with database.read() as read:
        count, _ = await relaying.backlog(read)
        return count


async def _nothing_pending(database: Database) -> bool:
    return await pending(database) == 0


def orders(records: Sequence[Record], customer: str) -> list[str]:
    mine = [record for record in records if record.key == customer.encode()]
    return [PurchaseRecorded.model_validate_json(record.value or b"").order_id for record in mine]


async def test_every_row_is_sent_once_in_its_keys_order_and_marked(
    database: Database, bus: Faulty, relay: Relay
) -> None:
    customers = [new_id("cus") for _ in range(20)]
    await publish(database, customers, rounds=5)
    await relay.drain()
    records = await topic_of(bus)
    assert len(records) == 100
    assert all(orders(records, customer) == ["0", "1", "2", "3", "4"] for customer in customers)
    assert await pending(database) == 0
    assert await relay.step() == 0


@pytest.mark.parametrize("fault", ["before", "after"])
async def test_an_error_sends_again_from_the_first_pending_row_on_a_new_producer(
    database: Database, bus: Faulty, relay: Relay, fault: str
) -> None:
    customer = new_id("cus")
    running = asyncio.create_task(relay.run())
    bus.fail = [fault, fault]
    await publish(database, [customer], rounds=6)
    await until(lambda: _nothing_pending(database), what="everything is sent")
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    seen = orders(await topic_of(bus), customer)
    first_seen = list(dict.fromkeys(seen))
    assert first_seen == ["0", "1", "2", "3", "4", "5"], "by first occurrence nothing overtakes"
    assert (len(seen) > 6) == (fault == "after"), "a lost answer shows as a repeat, never as a loss"
    assert bus.producers > 1
    assert set(bus.ended) == {"abandoned"}, "a producer that is closed sends what is queued, out of order"


async def test_one_batch_a_partition_is_under_way(database: Database, bus: Faulty, relay: Relay) -> None:
    """Of three records handed over at once while there is no leader, two failed and the third was taken."""
    await publish(database, [new_id("cus") for _ in range(10)], rounds=5)
    await relay.drain()
    assert len(await topic_of(bus)) == 50
    assert bus.most_under_way == 1


async def test_what_was_sent_is_not_marked_when_the_lease_was_lost_meanwhile(
    database: Database, bus: Faulty, relay: Relay, lease: FileLease
) -> None:
    """Whoever holds it now sends it again, in order; a mark of ours could hide what it has not sent."""
    bus.after_send = lease.release
    await publish(database, [new_id("cus")])
    with pytest.raises(LeaseLost):
        await relay.step()
    assert len(await topic_of(bus)) == 1
    assert await pending(database) == 1


async def test_nothing_is_sent_or_marked_without_the_lease(
    database: Database, bus: Faulty, relay: Relay, lease: FileLease
) -> None:
    await publish(database, [new_id("cus")])
    await lease.release()
    with pytest.raises(LeaseLost):
        await relay.step()
    assert await topic_of(bus) == []
    assert await pending(database) == 1


async def test_a_commit_of_the_same_process_wakes_the_relay_at_once(
    database: Database, bus: Faulty, relay: Relay, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(relaying, "POLL_SECONDS", 60.0)
    running = asyncio.create_task(relay.run())
    await asyncio.sleep(0)
    await publish(database, [new_id("cus")])
    await until(lambda: _nothing_pending(database), what="everything is sent")
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running


@pytest.mark.parametrize("kind", ["postgresql"], indirect=True)
async def test_a_row_that_commits_late_is_not_overtaken_by_its_customers_next(
    database: Database, bus: Faulty, relay: Relay, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ids are handed out before they are committed: the floor may only rise over what nobody can still add to."""
    monkeypatch.setattr(relaying, "FULL_SCAN_SECONDS", 0.0)
    slow, other = new_id("cus"), new_id("cus")
    async with database.begin() as early:
        early.publish(purchase(slow, order_id="early"))
        await database._write_outbox(early, early.published)  # type: ignore[misc]
        early.published.clear()
        for _ in range(5):
            await publish(database, [other])
            await relay.drain()
        monkeypatch.setattr(relaying, "FULL_SCAN_SECONDS", 3600.0)
        await relay.drain()
    await publish(database, [slow])
    await relay.drain()
    assert orders(await topic_of(bus), slow) == ["early", "0"]


@pytest.mark.parametrize("kind", ["postgresql"], indirect=True)
async def test_a_transaction_is_known_to_be_open_before_its_rows_get_their_ids(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A number drawn by nobody who is open could be below a floor before its row is there."""
    known = []
    async with database.begin() as tx:
        insert_records = tx.insert_records

        async def asked(table: Table[Any], records: Records) -> None:
            place = select(cast(func.pg_current_xact_id_if_assigned(), Text))
            known.append(await tx.scalar(place))
            await insert_records(table, records)

        monkeypatch.setattr(tx, "insert_records", asked)
        tx.publish(purchase(new_id("cus")))
    assert known[0] is not None


@pytest.mark.parametrize("kind", ["postgresql"], indirect=True)
async def test_the_floor_rises_once_no_older_transaction_is_open(
    database: Database, bus: Faulty, relay: Relay, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(relaying, "FULL_SCAN_SECONDS", 0.0)
    await publish(database, [new_id("cus")], rounds=4)
    async with database.read() as read:
        greatest = await read.scalar(select(func.max(outbox.c.id))) or 0
    await until(lambda: _floor_is(relay, greatest), what="other people's transactions on the server end")


async def _floor_is(relay: Relay, row_id: int) -> bool:
    await relay.drain()
    return relay._floor.value == row_id


async def test_the_floor_does_not_rise_over_a_backlog(
    database: Database, relay: Relay, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rows that nobody can add to any more may still wait to be sent: skipping them would stop the relay for a second."""
    monkeypatch.setattr(relaying, "FULL_SCAN_SECONDS", 0.0)
    monkeypatch.setattr(relaying, "BATCH_MAX", 10)
    customers = [new_id("cus") for _ in range(20)]
    await publish(database, customers, rounds=3)
    sent = [await relay.step() for _ in range(6)]
    assert sent == [10] * 6
    assert await pending(database) == 0


@pytest.mark.parametrize("kind", ["postgresql"], indirect=True)
async def test_the_floor_never_rises_over_ids_that_a_crash_could_hand_out_again(
    database: Database, bus: Faulty, relay: Relay
) -> None:
    """A sequence is only as far on the disk as what was committed; a crash sets it back to there."""
    await publish(database, [new_id("cus")])
    async with database.read() as read:
        committed = await read.scalar(select(func.max(outbox.c.id)))
        for _ in range(40):
            await read.scalar(select(func.nextval("outbox_id_seq")))
    others = "other people's transactions on the server end"
    await until(lambda: _floor_is_raised_to(relay, committed), what=others)
    for _ in range(5):
        await relay._floor.raise_it()
    assert relay._floor.value == committed


async def _floor_is_raised_to(relay: Relay, row_id: int | None) -> bool:
    await relay._floor.raise_it()
    return relay._floor.value == row_id


async def test_pruning_takes_old_published_rows_only(database: Database, bus: Faulty, relay: Relay) -> None:
    async with database.begin() as tx:
        before = tx.now
    await publish(database, [new_id("cus")], rounds=3)
    await relay.drain()
    await publish(database, [new_id("cus")])
    async with database.begin() as tx:
        assert await relaying.prune(tx, before) == 0
        assert await relaying.prune(tx, tx.now.replace(year=tx.now.year + 1)) == 3
    assert await pending(database) == 1


async def test_a_topic_that_deletes_records_holds_back_only_its_own_rows(
    database: Database, bus: Faulty, relay: Relay, monkeypatch: pytest.MonkeyPatch
) -> None:
    """More of its rows wait than a round takes, before and after the other topic's."""
    monkeypatch.setattr(relaying, "BATCH_MAX", 3)
    bus.deleting = {TOPIC}
    customer = new_id("cus")
    await publish(database, [customer], rounds=5)
    await revoke_key(database)
    assert await relay.step() == 1
    await publish(database, [customer], rounds=5)
    await revoke_key(database)
    assert await relay.step() == 1
    assert await relay.step() == 0
    assert (len(await topic_of(bus, ACCESS.name)), await topic_of(bus)) == (2, [])
    assert await pending(database) == 10

    bus.deleting = set()
    monkeypatch.setattr(topics, "LOOK_SECONDS", 0.0)
    await relay.drain()
    assert orders(await topic_of(bus), customer) == ["0", "1", "2", "3", "4"] * 2
    assert await pending(database) == 0


async def test_a_topic_that_begins_to_delete_records_is_held_at_the_next_look(
    database: Database, bus: Faulty, relay: Relay, monkeypatch: pytest.MonkeyPatch
) -> None:
    await publish(database, [new_id("cus")])
    assert await relay.step() == 1
    bus.deleting = {TOPIC}
    monkeypatch.setattr(topics, "LOOK_SECONDS", 0.0)
    await publish(database, [new_id("cus")])
    await revoke_key(database)
    assert await relay.step() == 1
    assert await pending(database) == 1


async def revoke_key(database: Database) -> None:
    key_id = new_id("key")
    async with database.begin() as tx:
        tx.publish(
            ApiKeyChanged(
                cause=Cause(kind="api_key", id=key_id),
                occurred_at=AT,
                key_id=key_id,
                record_version=2,
                partner_id="mart",
                label="tills",
                key_hash=bytes(32).hex(),
                scopes=(),
                created_at=AT,
                revoked_at=AT,
            )
        )
