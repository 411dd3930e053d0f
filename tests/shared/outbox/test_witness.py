"""A service's topics are the witness of what its database has told others."""

from collections.abc import AsyncIterator
from datetime import timedelta
from functools import partial
from pathlib import Path

import pytest
from sqlalchemy import delete, func, select, update

from huitou.settings import SERVICES
from shared.bus import Bus, open_bus
from shared.clock import ManualClock
from shared.consume.tables import consumer_position
from shared.context import WriteAudit
from shared.db import Database, Tx, blocks, failures, open_database
from shared.db.failures import DatabaseBehind
from shared.http.health import LossCheck
from shared.ids import new_id
from shared.outbox import relay as relaying
from shared.outbox import witness
from shared.outbox.ends import Found
from shared.outbox.lease import FileLease
from shared.outbox.relay import Relay
from shared.outbox.tables import accepted_loss, outbox, published_end
from shared.outbox.witness import Look
from tests.parts import databases
from tests.parts.damage import empty_tree
from tests.parts.databases import Kind
from tests.shared.ledger import AT, PLACE, purchase, row_id, versions

SERVICE = "test"
TOPIC = PLACE.topic


@pytest.fixture
async def bus(tmp_path: Path) -> AsyncIterator[Bus]:
    opened = open_bus("embedded://", home=tmp_path / "bus")
    await opened.ensure_topics({TOPIC: 12})
    yield opened
    await opened.close()


async def publish(database: Database, count: int) -> None:
    async with database.begin() as tx:
        tx.publish(*(purchase(new_id("cus"), order_id=str(number)) for number in range(count)))


async def told(database: Database, bus: Bus, lease: FileLease, count: int = 30) -> Relay:
    """Publish and relay this many events."""
    await publish(database, count)
    relay = Relay(SERVICE, database, bus, lease, [TOPIC])
    await relay.drain()
    return relay


async def look(database: Database, bus: Bus) -> Look:
    return await witness.look(SERVICE, [TOPIC], database, bus)


async def unaudited(_tx: Tx) -> None:
    """Write no row of the audit trail."""


async def accept(database: Database, bus: Bus, audit: WriteAudit = unaudited) -> list[Found]:
    return [
        *await witness.move_back(database, bus, audit),
        *await witness.accept(
            SERVICE, [TOPIC], database, bus, versions=[versions.c.version], id_blocks=[row_id], audit=audit
        ),
    ]


async def forget_after(database: Database, last: int) -> None:
    """Take the database back to the time when its outbox had this many rows."""
    async with database.begin() as tx:
        await tx.execute(delete(outbox).where(outbox.c.id > last))
        await tx.execute(delete(published_end))


async def test_a_database_that_has_told_nothing_or_everything_it_knows_is_whole(
    database: Database, bus: Bus, lease: FileLease
) -> None:
    assert not (await look(database, bus)).database
    await told(database, bus, lease)
    looked = await look(database, bus)
    assert (list(looked.database), list(looked.bus), database.behind) == ([], [], False)


async def test_rows_that_were_sent_and_not_marked_are_known(
    database: Database, bus: Bus, lease: FileLease
) -> None:
    await told(database, bus, lease)
    async with database.begin() as tx:
        await tx.execute(update(outbox).values(published_at=None))
        await tx.execute(delete(published_end))
    assert not (await look(database, bus)).database


async def test_pruned_rows_are_known(database: Database, bus: Bus, lease: FileLease) -> None:
    await told(database, bus, lease)
    async with database.begin() as tx:
        assert await relaying.prune(tx, tx.now + timedelta(days=30)) == 30
    assert not (await look(database, bus)).database


async def test_a_database_that_lost_its_last_rows_is_behind_and_tells_nothing(
    database: Database, bus: Bus, lease: FileLease
) -> None:
    await told(database, bus, lease)
    await forget_after(database, 15)
    looked = await look(database, bus)
    assert looked.database
    assert all(loss.loss == "database" for loss in looked.database)
    with pytest.raises(DatabaseBehind) as refused:
        await publish(database, 1)
    assert failures.is_transient(refused.value), "it is answered with 503, and a consumer waits"


async def test_new_rows_do_not_hide_a_loss(database: Database, bus: Bus, lease: FileLease) -> None:
    await told(database, bus, lease)
    await forget_after(database, 15)
    await publish(database, 100)  # the topics could not be asked yet
    assert (await look(database, bus)).database
    with pytest.raises(witness.Behind):
        await Relay(SERVICE, database, bus, lease, [TOPIC]).drain()


async def test_an_emptied_database_is_behind(
    kind: Kind, database: Database, bus: Bus, lease: FileLease, tmp_path: Path
) -> None:
    await told(database, bus, lease)
    async with databases.fresh(
        kind, "profile", folder=tmp_path / "new", clock=ManualClock(AT), own=True
    ) as empty:
        assert (await look(empty, bus)).database


async def test_an_accepted_loss_is_written_down_and_the_service_goes_on(
    database: Database, bus: Bus, lease: FileLease
) -> None:
    await told(database, bus, lease)
    await forget_after(database, 15)
    lost = list((await look(database, bus)).database)
    assert await accept(database, bus) == lost
    assert not database.behind
    async with database.read() as read:
        assert await read.scalar(select(func.count()).select_from(accepted_loss)) == len(lost)
    before = sum((await bus.end_offsets([TOPIC])).values())
    await told(database, bus, lease, 5)
    assert sum((await bus.end_offsets([TOPIC])).values()) == before + 5
    assert not (await look(database, bus)).database
    assert await accept(database, bus) == []


async def test_versions_and_ids_go_on_beyond_all_that_were_lost_and_only_after_a_loss_of_the_database(
    database: Database, bus: Bus, lease: FileLease
) -> None:
    async with database.begin() as tx:
        await tx.execute(versions.insert().values(identity_id="cus_1", version=3))
        (first, *_), *_ = await blocks.take(tx, row_id, 1)
    await told(database, bus, lease)
    await accept(database, bus)
    assert await numbers(database) == (3, first + blocks.BLOCK, 0), "nothing is lost, nothing skips"
    reached = 10**12
    for _ in range(2):
        await forget_after(database, 15)
        await accept(database, bus)
        version, number, without_a_row = await numbers(database)
        assert min(version, number, without_a_row) > reached
        assert max(version, number, without_a_row) < 2**53, "exact in JSON"
        reached = max(version, number, without_a_row)
        database.clock = ManualClock(database.clock.now() + timedelta(seconds=1))


async def test_a_table_of_ids_without_any_row_goes_on_beyond_all_too(
    database: Database, bus: Bus, lease: FileLease
) -> None:
    """A database that is new has drawn no id yet, and its topics hold those of the old one."""
    await told(database, bus, lease)
    await forget_after(database, 15)
    await accept(database, bus)
    assert (await numbers(database))[1] > 10**12


async def test_a_loss_that_cannot_be_written_into_the_audit_trail_is_not_accepted(
    database: Database, bus: Bus, lease: FileLease
) -> None:
    await told(database, bus, lease)
    await forget_after(database, 15)

    async def broken(_tx: Tx) -> None:
        raise OSError("the audit trail is away")

    with pytest.raises(OSError, match="away"):
        await accept(database, bus, broken)
    async with database.read() as read:
        assert await read.all(select(accepted_loss.c.topic)) == []
    assert database.behind

    written = list[Tx]()

    async def audit(tx: Tx) -> None:
        written.append(tx)

    assert await accept(database, bus, audit)
    assert await accept(database, bus, audit) == []
    assert len(written) == 1, "nothing is written where nothing is lost"


@pytest.mark.parametrize("name", SERVICES)
async def test_the_versions_and_ids_of_every_service_have_room_for_a_number_beyond_all(
    name: str, kind: Kind, bus: Bus, lease: FileLease, tmp_path: Path
) -> None:
    service = databases.service_of(name, tmp_path)
    async with databases.fresh(kind, name, folder=tmp_path, own=True) as database:
        await told(database, bus, lease)
        await forget_after(database, 15)
        assert await witness.accept(
            name,
            [TOPIC],
            database,
            bus,
            versions=service.versions,
            id_blocks=service.id_blocks,
            audit=unaudited,
        )
        async with database.begin() as tx:
            for table in service.id_blocks:
                assert (await blocks.take(tx, table, 1))[0][0] > 10**12


async def numbers(database: Database) -> tuple[int, int, int]:
    """Return the version of a row, a new id, and the number that a number without a row begins after."""
    async with database.begin() as tx:
        (number, *_), *_ = await blocks.take(tx, row_id, 1)
        return await tx.scalar(select(versions.c.version)) or 0, number, await witness.beyond_lost(tx)


async def test_what_a_lost_log_held_is_sent_again_after_the_loss_is_accepted(
    database: Database, bus: Bus, lease: FileLease, tmp_path: Path
) -> None:
    await told(database, bus, lease)
    async with database.begin() as tx:
        await tx.execute(
            consumer_position.insert().values(
                consumer="reader", topic=TOPIC, partition=0, next_offset=7000, moved_at=tx.now
            )
        )
    other = open_bus("embedded://", home=tmp_path / "other")
    await other.ensure_topics({TOPIC: 12})
    looked = await look(database, other)
    assert looked.bus
    assert not looked.database
    assert not database.behind, "requests go on, and events wait"
    await publish(database, 1)
    with pytest.raises(witness.Behind):
        await Relay(SERVICE, database, other, lease, [TOPIC]).drain()
    accepted = await accept(database, other)
    assert {loss.loss for loss in accepted} == {"bus", "position"}
    await Relay(SERVICE, database, other, lease, [TOPIC]).drain()
    assert sum((await other.end_offsets([TOPIC])).values()) == 31
    assert not (await look(database, other)).bus
    async with database.read() as read:
        assert await read.scalar(select(consumer_position.c.next_offset)) == 0
    await other.close()


async def test_a_database_of_the_last_version_is_taken_as_it_is(
    database: Database, bus: Bus, lease: FileLease
) -> None:
    """Its outbox may be pruned, and nothing says what was published last."""
    await told(database, bus, lease)
    async with database.begin() as tx:
        await tx.execute(delete(outbox))
        await tx.execute(delete(published_end))
    clock = database.clock
    database.clock = ManualClock(clock.now() + timedelta(days=8))
    assert not (await look(database, bus)).database
    database.clock = clock
    assert not (await look(database, bus)).database, "the ends are noted now"


async def test_records_of_others_are_no_witness(database: Database, bus: Bus, lease: FileLease) -> None:
    await told(database, bus, lease)
    looked = await witness.look("another", [TOPIC], database, bus)
    assert not looked.database


@pytest.mark.parametrize("tree", ["sqlite_autoindex_outbox_1", "published_end"])
async def test_an_empty_page_is_damage_and_no_loss(
    bus: Bus, lease: FileLease, tmp_path: Path, tree: str
) -> None:
    """Only SQLite reads such a page as an index or a table without rows."""
    async with databases.fresh("sqlite", "profile", folder=tmp_path, own=True) as database:
        path = Path(database.url.removeprefix("sqlite:///"))
        await told(database, bus, lease)
        async with database.begin() as tx:
            await tx.execute(delete(outbox if tree == "published_end" else published_end))
    empty_tree(path, tree)
    damaged = open_database(f"sqlite:///{path}")
    asked = (
        partial(witness.look, "profile", [TOPIC]),
        partial(witness.accept, "profile", [TOPIC], versions=[], id_blocks=[], audit=unaudited),
    )
    for question in asked:
        with pytest.raises(failures.DatabaseDamaged) as refused:
            await question(database=damaged, bus=bus)
        assert failures.is_damaged(refused.value)
        assert failures.is_transient(refused.value)
    assert damaged.behind, "what it would tell is refused"
    assert damaged.damaged
    assert await LossCheck("profile", damaged)() == (), "nobody is told to accept a loss"
    await damaged.close()
