"""A consumer knows the last record that it applied, and does not go on in a log that has another record there."""

import shutil
from functools import partial
from pathlib import Path

import pytest
from sqlalchemy import select

from shared.audit.commands import write_command
from shared.bus import Bus, TopicPartition, open_bus
from shared.consume.foreign import foreign
from shared.consume.tables import ConsumerPositionRecord, consumer_position
from shared.db import Database, columns_of
from shared.events.profile import PurchaseRecorded
from shared.ids import new_id
from shared.outbox import witness
from shared.vault import Vault
from tests.parts.waiting import until
from tests.shared.consume.running import PARTITIONS, TOPIC, booked, consuming_with, send
from tests.shared.ledger import BUG, amounts, purchase

pytestmark = pytest.mark.slow

PLACE = TopicPartition(TOPIC, 3)
CUSTOMER = new_id("cus")


async def opened(home: Path) -> Bus:
    bus = open_bus("embedded://", home=home)
    await bus.ensure_topics({TOPIC: PARTITIONS})
    return bus


def purchases(count: int, amount: int = 1) -> list[PurchaseRecorded]:
    return [purchase(CUSTOMER, amount) for _ in range(count)]


async def position(database: Database) -> ConsumerPositionRecord:
    async with database.read() as read:
        record = await read.read_record(
            ConsumerPositionRecord,
            select(*columns_of(consumer_position, ConsumerPositionRecord)).where(
                consumer_position.c.partition == PLACE.partition
            ),
        )
    assert record is not None
    return record


async def applied(database: Database, bus: Bus, vault: Vault, count: int) -> None:
    """Consume until this many purchases are booked."""

    async def done() -> bool:
        return await booked(database) >= count

    async with consuming_with(database, bus, vault):
        await until(done)


async def is_foreign(database: Database) -> bool:
    return (await position(database)).foreign_since is not None


async def restored_and_grown(database: Database, vault: Vault, tmp_path: Path, *, lost: int, new: int) -> Bus:
    """Apply three purchases and those that get lost, then take the log back and let it grow again."""
    bus = await opened(tmp_path / "bus")
    await send(bus, purchases(3, 1), PLACE.partition)
    await applied(database, bus, vault, 3)
    await bus.close()
    shutil.copytree(tmp_path / "bus", tmp_path / "copy")
    bus = await opened(tmp_path / "bus")
    await send(bus, purchases(lost, 10), PLACE.partition)
    await applied(database, bus, vault, 3 + lost)
    await bus.close()
    restored = await opened(tmp_path / "copy")
    await send(restored, purchases(new, 100), PLACE.partition)
    return restored


@pytest.mark.parametrize("new", [1, 2, 5])
async def test_a_record_in_the_place_of_a_lost_one_is_applied_once_the_loss_is_accepted(
    database: Database, vault: Vault, tmp_path: Path, new: int
) -> None:
    """The log may still be shorter than the position, as long, or longer."""
    lost = 2
    audit = partial(write_command, vault=vault, command="accept_loss")
    bus = await restored_and_grown(database, vault, tmp_path, lost=lost, new=new)
    async with consuming_with(database, bus, vault) as consumer:
        await until(lambda: is_foreign(database))
        assert consumer.positions == {}, "it does not go on"
        await send(bus, purchases(lost, 1000), PLACE.partition)
        assert (await position(database)).foreign_since is not None, "it does not go away by itself"
        (accepted,) = await witness.move_back(database, bus, audit)
        assert (accepted.place, accepted.known, accepted.found) == (PLACE, 3 + lost, 3 + new + lost)

        async def all_applied() -> bool:
            return await booked(database) >= 3 + 2 * lost + new

        await until(all_applied)
    async with database.read() as read:
        assert await amounts(read) == [(CUSTOMER, 3 + 10 * lost + 100 * new + 1000 * lost)]
    assert (await position(database)).foreign_since is None
    assert await witness.move_back(database, bus, audit) == []
    await bus.close()


async def test_a_position_that_was_found_foreign_is_so_no_more_when_its_log_is_back(
    database: Database, vault: Vault, tmp_path: Path
) -> None:
    bus = await restored_and_grown(database, vault, tmp_path, lost=1, new=1)
    async with consuming_with(database, bus, vault):
        await until(lambda: is_foreign(database))
    await bus.close()
    bus = await opened(tmp_path / "bus")
    await send(bus, purchases(1, 100), PLACE.partition)
    await applied(database, bus, vault, 5)
    assert (await position(database)).foreign_since is None
    await bus.close()


async def test_a_position_of_the_last_version_learns_its_record_with_the_next_batch(
    database: Database, bus: Bus, vault: Vault
) -> None:
    await send(bus, purchases(1), PLACE.partition)
    await applied(database, bus, vault, 1)
    async with database.begin() as tx:
        await tx.execute(consumer_position.update().values(last_record=None))
    await send(bus, purchases(1), PLACE.partition)
    await applied(database, bus, vault, 2)
    assert (await position(database)).last_record is not None


async def test_a_record_that_retention_has_deleted_is_not_compared(
    database: Database, bus: Bus, vault: Vault
) -> None:
    await send(bus, purchases(3), PLACE.partition)
    await applied(database, bus, vault, 3)
    await bus.prune(PLACE, 3)
    assert await foreign(bus, [await position(database)]) == []
    await send(bus, purchases(1), PLACE.partition)
    await applied(database, bus, vault, 4)


async def test_records_that_were_deleted_before_they_were_applied_are_a_loss(
    database: Database, bus: Bus, vault: Vault
) -> None:
    await send(bus, purchases(2), PLACE.partition)
    await applied(database, bus, vault, 2)
    await send(bus, purchases(3), PLACE.partition)
    await bus.prune(PLACE, 4)
    audit = partial(write_command, vault=vault, command="accept_loss")
    async with consuming_with(database, bus, vault):
        await until(lambda: is_foreign(database))
        (found,) = await foreign(bus, [await position(database)])
        assert (found.is_before, found.is_beyond, found.first) == (True, False, 4)
        (accepted,) = await witness.move_back(database, bus, audit)
        assert (accepted.loss, accepted.known, accepted.found) == ("deleted", 2, 4)

        async def the_last_is_applied() -> bool:
            return await booked(database) == 3

        await until(the_last_is_applied)
    assert not await is_foreign(database)
    assert await witness.move_back(database, bus, audit) == []


async def test_records_that_are_deleted_under_a_running_consumer_are_a_loss(
    database: Database, bus: Bus, vault: Vault
) -> None:
    async def waits() -> bool:
        return PLACE in consumer.trouble

    async with consuming_with(database, bus, vault) as consumer:
        await send(bus, [purchase(CUSTOMER, order_id=BUG), *purchases(4)], PLACE.partition)
        await until(waits)
        await bus.prune(PLACE, 3)
        await until(lambda: is_foreign(database))
    assert await booked(database) == 0
