"""A relay sends nothing over a bus that has lost what it had acknowledged, and everything once the loss is accepted."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from uuid import UUID

import pytest
from sqlalchemy import delete, func, select, update

from shared.bus import Bus, ConnectedAnew, Message, TopicPartition, partition_of
from shared.bus.embedded import EmbeddedBus
from shared.consume.foreign import identity_of
from shared.db import Database, Tx
from shared.ids import new_id
from shared.outbox import ends, witness
from shared.outbox.lease import FileLease
from shared.outbox.relay import Relay
from shared.outbox.tables import outbox, published_end
from shared.outbox.witness import Behind
from tests.parts.waiting import until
from tests.shared.ledger import PLACE, purchase
from tests.shared.outbox.replaceable import Replaceable

SERVICE, TOPIC, PARTITIONS = "test", PLACE.topic, 3
COPIED, LOST, NEW = 4, 3, 2
"""The events of each customer before the copy was made, after it, and after it was restored."""


def customers() -> list[str]:
    """Return two customers of each partition."""
    found = defaultdict[int, list[str]](list)
    while len(found) < PARTITIONS or any(len(keys) < 2 for keys in found.values()):
        customer = new_id("cus")
        found[partition_of(customer, PARTITIONS)].append(customer)
    return [customer for keys in found.values() for customer in keys[:2]]


CUSTOMERS = customers()


@pytest.fixture
async def bus(tmp_path: Path) -> AsyncIterator[Replaceable]:
    log = EmbeddedBus(tmp_path / "log.db")
    await log.ensure_topics({TOPIC: PARTITIONS})
    opened = Replaceable(log)
    yield opened
    await log.close()
    await opened.log.close()


@pytest.fixture
def relay(database: Database, bus: Replaceable, lease: FileLease) -> Relay:
    return relay_of(database, bus, lease)


def relay_of(database: Database, bus: Replaceable, lease: FileLease) -> Relay:
    return Relay(SERVICE, database, bus, lease, [TOPIC])  # type: ignore[arg-type]


@asynccontextmanager
async def running(relay: Relay) -> AsyncIterator[None]:
    """Let the relay run until the block ends."""
    work = asyncio.create_task(relay.run())
    try:
        yield
    finally:
        work.cancel()
        with suppress(asyncio.CancelledError):
            await work


async def publish(database: Database, count: int) -> None:
    for _ in range(count):
        async with database.begin() as tx:
            tx.publish(*(purchase(customer) for customer in CUSTOMERS))


async def older_copy(database: Database, bus: Replaceable, relay: Relay, folder: Path) -> EmbeddedBus:
    """Tell some events, copy the log, tell more, and return the copy."""
    await publish(database, COPIED)
    await relay.drain()
    await bus.log.backup(folder / "copy.db")
    await publish(database, LOST)
    await relay.drain()
    return EmbeddedBus(folder / "copy.db")


async def fill(bus: Replaceable, count: int) -> None:
    """Let somebody else send records to each partition."""
    for partition in range(PARTITIONS):
        producer = await bus.log.producer()
        await producer.send(TOPIC, partition, [Message("k", (), b"%d" % number) for number in range(count)])


async def is_stopped(database: Database, bus: Replaceable) -> bool:
    """Return whether the loss is written down for each partition, so that every process says so."""
    async with database.read() as read:
        found = await ends.lost_by_bus(read, bus, [TOPIC])  # type: ignore[arg-type]
        noted = await ends.read_ends(read, [TOPIC])
    return len(found) == PARTITIONS and all(end.lost_since for end in noted.values())


async def unaudited(_tx: Tx) -> None:
    """Write no row of the audit trail."""


async def accept(database: Database, bus: Bus | Replaceable) -> list[int]:
    """Accept the loss, and return the partitions."""
    accepted = await witness.accept(
        SERVICE, [TOPIC], database, bus, versions=[], id_blocks=[], audit=unaudited  # type: ignore[arg-type]
    )  # fmt: skip
    assert {loss.loss for loss in accepted} <= {"bus"}
    return [loss.place.partition for loss in accepted]


async def held(bus: Replaceable) -> dict[str, list[str]]:
    """Return the events of each key that the topic holds, in their order, each where it stands first."""
    found = defaultdict[str, list[str]](list)
    for place, end in (await bus.log.end_offsets([TOPIC])).items():
        for record in await bus.log.read(place, 0, end) if end else ():
            found[(record.key or b"").decode()].append(identity_of(record))
    return {key: list(dict.fromkeys(events)) for key, events in found.items() if key in CUSTOMERS}


async def published(database: Database) -> dict[str, list[str]]:
    """Return the events of each key, in the order in which they were published."""
    found = defaultdict[str, list[str]](list)
    async with database.read() as read:
        for key, event_id in await read.all(select(outbox.c.key, outbox.c.event_id).order_by(outbox.c.id)):
            found[key].append(str(event_id))
    return dict(found)


async def pending(database: Database) -> int:
    async with database.read() as read:
        waiting = select(func.count()).select_from(outbox).where(outbox.c.published_at.is_(None))
        return await read.scalar(waiting) or 0


async def test_a_relay_that_goes_on_over_an_older_copy_stops_at_the_send_that_shows_it(
    database: Database, bus: Replaceable, relay: Relay, lease: FileLease, tmp_path: Path
) -> None:
    bus.log = await older_copy(database, bus, relay, tmp_path)
    await publish(database, LOST + NEW)  # more than were lost: the partitions are longer than they were
    with pytest.raises(Behind):
        await relay.step()
    assert await pending(database) == (LOST + NEW) * len(CUSTOMERS), "another log may come back"
    assert await is_stopped(database, bus)
    reached = await bus.log.end_offsets([TOPIC])
    await relay._drop()
    for again in (relay, relay_of(database, bus, lease)):
        with pytest.raises(Behind):
            await again.step()
        await again._drop()
    assert await bus.log.end_offsets([TOPIC]) == reached, "nothing more is sent, also after a restart"

    assert await accept(database, bus) == list(range(PARTITIONS))
    await relay.drain()
    everything = await published(database)
    assert {key: set(events) for key, events in (await held(bus)).items()} == {
        key: set(events) for key, events in everything.items()
    }
    assert not await is_stopped(database, bus)
    assert await accept(database, bus) == []
    await publish(database, NEW)
    await relay.drain()
    assert await pending(database) == 0


@pytest.mark.parametrize("others", [0, 2 * (LOST + NEW) * len(CUSTOMERS)])
async def test_a_relay_that_has_lost_its_connection_looks_first_and_writes_nothing(
    database: Database, bus: Replaceable, relay: Relay, tmp_path: Path, others: int
) -> None:
    """The topic is shorter than it was, or somebody else's records have taken the places of the lost ones and more."""
    bus.log, bus.is_cut = await older_copy(database, bus, relay, tmp_path), True
    if others:
        await fill(bus, others)
    reached = await bus.log.end_offsets([TOPIC])
    await publish(database, NEW)
    with pytest.raises(ConnectedAnew):
        await relay.step()
    await relay._drop()
    with pytest.raises(Behind):
        await relay.step()
    await relay._drop()
    assert await bus.log.end_offsets([TOPIC]) == reached
    assert await is_stopped(database, bus)

    await accept(database, bus)
    await relay.drain()
    assert await held(bus) == await published(database), "nothing has overtaken what was lost"


async def test_records_of_others_in_the_places_of_lost_ones_hide_nothing_from_a_relay_that_goes_on(
    database: Database, bus: Replaceable, relay: Relay, tmp_path: Path
) -> None:
    bus.log = await older_copy(database, bus, relay, tmp_path)
    await fill(bus, 2 * LOST * len(CUSTOMERS))
    await publish(database, NEW)
    with pytest.raises(Behind):
        await relay.step()
    assert await is_stopped(database, bus)
    await relay._drop()
    await accept(database, bus)
    await relay.drain()
    everything = await published(database)
    assert {key: set(events) for key, events in (await held(bus)).items()} == {
        key: set(events) for key, events in everything.items()
    }


async def test_a_running_relay_looks_at_a_new_connection_by_itself_and_no_failure_is_counted(
    database: Database, bus: Replaceable, relay: Relay
) -> None:
    await publish(database, COPIED)
    await relay.drain()
    bus.is_cut = True
    await publish(database, NEW)

    async def everything_is_sent() -> bool:
        return await pending(database) == 0

    async with running(relay):
        await until(everything_is_sent)
    assert relay.failures == 0
    assert await held(bus) == await published(database)


async def test_records_of_others_between_our_own_are_no_loss(
    database: Database, bus: Replaceable, relay: Relay, lease: FileLease
) -> None:
    for count in (1, 30, 2):
        await publish(database, NEW)
        await relay.drain()
        await fill(bus, count)
    await publish(database, NEW)
    await relay.drain()
    await fill(bus, 30)
    await relay_of(database, bus, lease).drain()
    looked = await witness.look(SERVICE, [TOPIC], database, bus)  # type: ignore[arg-type]
    assert (list(looked.bus), list(looked.database)) == ([], [])
    assert await accept(database, bus) == []
    assert await held(bus) == await published(database)


@pytest.mark.parametrize("is_deleted", [False, True])
async def test_a_copy_of_the_same_moment_is_no_loss_also_if_its_records_were_deleted_since(
    database: Database, bus: Replaceable, relay: Relay, lease: FileLease, tmp_path: Path, is_deleted: bool
) -> None:
    await publish(database, COPIED)
    await relay.drain()
    await bus.log.backup(tmp_path / "copy.db")
    bus.log = EmbeddedBus(tmp_path / "copy.db")
    if is_deleted:
        for place, end in (await bus.log.end_offsets([TOPIC])).items():
            await bus.log.prune(place, end)
    await publish(database, NEW)
    await relay_of(database, bus, lease).drain()
    assert await pending(database) == 0
    assert await accept(database, bus) == []


async def test_a_database_that_was_restored_alone_is_behind_and_the_bus_has_lost_nothing(
    database: Database, bus: Replaceable, relay: Relay
) -> None:
    await publish(database, COPIED)
    await relay.drain()
    async with database.read() as read:
        copied = await ends.read_ends(read, [TOPIC])
    await publish(database, LOST)
    await relay.drain()
    async with database.begin() as tx:
        await tx.execute(delete(outbox).where(outbox.c.id > COPIED * len(CUSTOMERS)))
        await tx.upsert_records(published_end, list(copied.values()), key=("topic", "partition"))
    looked = await witness.look(SERVICE, [TOPIC], database, bus)  # type: ignore[arg-type]
    assert list(looked.bus) == []
    assert [loss.place for loss in looked.database] == sorted(copied)


async def test_the_right_log_ends_what_a_wrong_one_has_begun(
    database: Database, bus: Replaceable, relay: Relay, tmp_path: Path
) -> None:
    right = bus.log
    bus.log = await older_copy(database, bus, relay, tmp_path)
    await publish(database, NEW)
    with pytest.raises(Behind):
        await relay.step()
    await relay._drop()
    wrong, bus.log = bus.log, right
    await relay.drain()
    assert not await is_stopped(database, bus)
    assert await held(bus) == await published(database), "what the wrong log has taken is sent again"
    await wrong.close()


async def test_a_leader_that_was_late_does_not_lower_an_end(
    database: Database, bus: Replaceable, relay: Relay, lease: FileLease
) -> None:
    await publish(database, COPIED)
    await relay.drain()
    async with database.begin() as tx:
        await tx.execute(update(published_end).values(end_offset=1000, event_offset=999))
    await publish(database, 1)
    await relay.step()
    async with database.read() as read:
        noted = await ends.read_ends(read, [TOPIC])
    assert {(end.end_offset, end.event_offset) for end in noted.values()} == {(1000, 999)}


@pytest.mark.parametrize("is_noted", [True, False])
async def test_the_ends_of_an_older_version_are_completed_and_then_compared(
    database: Database, bus: Replaceable, relay: Relay, lease: FileLease, tmp_path: Path, is_noted: bool
) -> None:
    """It counted offsets by itself, and records of others were not counted; or it did not note ends at all."""
    copy = await older_copy(database, bus, relay, tmp_path)
    async with database.begin() as tx:
        if is_noted:
            counted = published_end.c.end_offset - 1
            await tx.execute(update(published_end).values(event_offset=None, end_offset=counted))
        else:
            await tx.execute(delete(published_end))
    looked = await witness.look(SERVICE, [TOPIC], database, bus)  # type: ignore[arg-type]
    assert (list(looked.bus), list(looked.database)) == ([], [])
    async with database.read() as read:
        noted = await ends.read_ends(read, [TOPIC])
    for place, end in noted.items():
        assert end.event_offset is not None
        (record,) = await bus.log.read(place, end.event_offset, 1)
        assert UUID(identity_of(record)) == end.event_id

    await bus.log.close()
    bus.log = copy
    await fill(bus, 2 * LOST * len(CUSTOMERS))
    await publish(database, NEW)
    with pytest.raises(Behind):
        await relay_of(database, bus, lease).step()
    await accept(database, bus)
    await relay._drop()
    await relay.drain()
    assert await held(bus) == await published(database)


async def test_a_long_outbox_is_sent_again_page_by_page(
    database: Database, bus: Replaceable, relay: Relay, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(witness, "PAGE_ROWS", 4)
    bus.log, bus.is_cut = await older_copy(database, bus, relay, tmp_path), True
    await relay._drop()
    await accept(database, bus)
    await relay.drain()
    assert await held(bus) == await published(database)


async def test_only_the_partitions_that_have_lost_records_get_theirs_again(
    database: Database, bus: Replaceable, relay: Relay, tmp_path: Path
) -> None:
    await publish(database, COPIED)
    await relay.drain()
    await bus.log.backup(tmp_path / "copy.db")
    lost = CUSTOMERS[0]
    async with database.begin() as tx:
        tx.publish(purchase(lost))
    await relay.drain()
    bus.log = EmbeddedBus(tmp_path / "copy.db")
    await relay._drop()
    here = TopicPartition(TOPIC, partition_of(lost, PARTITIONS))
    before = await bus.log.end_offsets([TOPIC])
    assert await accept(database, bus) == [here.partition]
    await relay.drain()
    after = await bus.log.end_offsets([TOPIC])
    assert {place for place in after if after[place] != before[place]} == {here}
    assert await held(bus) == await published(database)
