"""Neither a consumer nor a relay goes on in a log of Kafka that is not the one that it has read or written."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import func, select

from shared.bus import Bus, Message, TopicPartition, partition_of
from shared.bus.kafka import KafkaBus
from shared.consume import Handlers
from shared.consume.foreign import identity_of
from shared.consume.tables import ConsumerPositionRecord, consumer_position
from shared.db import Database, Tx, columns_of
from shared.events.cloudevents import encode
from shared.ids import new_event_id, new_id
from shared.outbox import ends, witness
from shared.outbox.lease import FileLease
from shared.outbox.relay import Relay
from shared.outbox.tables import outbox
from shared.vault import Vault
from tests.parts import kafka
from tests.parts.kafka import ApacheKafka
from tests.parts.processes import PartMissing
from tests.parts.waiting import until
from tests.shared.bus.ledger_member import SESSION_SECONDS
from tests.shared.consume.running import booked, consuming_with
from tests.shared.ledger import HANDLERS, PLACE, amounts, purchase

pytestmark = [pytest.mark.kafka, pytest.mark.real_broker, pytest.mark.long]

TOPIC = PLACE.topic
HERE = TopicPartition(TOPIC, 2)
CUSTOMER = new_id("cus")
PARTITIONS = 4
COPIED, LOST = 3, 2


@pytest.fixture(scope="module")
def broker() -> Iterator[ApacheKafka]:
    """A broker whose log may be replaced."""
    try:
        made = ApacheKafka()
    except PartMissing as error:
        pytest.skip(str(error))
    yield made.start()
    made.close()


@pytest.fixture
def handlers(tmp_path: Path) -> Handlers:
    return replace(HANDLERS, consumer=f"toy-{tmp_path.name}")


async def unaudited(_tx: Tx) -> None:
    """Write no row of the audit trail."""


async def send(bus: Bus, amount: int, count: int) -> None:
    producer = await bus.producer()
    messages = []
    for _ in range(count):
        event = purchase(CUSTOMER, amount)
        headers, payload = encode(event, new_event_id(), "/huitou/profile")
        messages.append(Message(event.key, tuple(headers), payload))
    await producer.send(HERE.topic, HERE.partition, messages)
    await producer.close()


async def replaced(broker: ApacheKafka, while_it_is_down: Callable[[], None]) -> None:
    await asyncio.to_thread(while_it_is_down)
    broker.start_soon()
    await asyncio.to_thread(broker.wait)


async def position(database: Database) -> ConsumerPositionRecord:
    statement = select(*columns_of(consumer_position, ConsumerPositionRecord))
    async with database.read() as read:
        record = await read.read_record(
            ConsumerPositionRecord, statement.where(consumer_position.c.partition == HERE.partition)
        )
    assert record is not None
    return record


@pytest.mark.parametrize(
    ("kind", "new", "is_running"),
    [
        ("sqlite", 1, True),
        ("sqlite", 2, True),
        ("sqlite", 2, False),
        ("sqlite", 5, False),
        ("postgresql", 1, False),
        ("postgresql", 5, True),
    ],
    indirect=["kind"],
)
async def test_a_broker_that_was_restored_from_an_older_copy_and_has_grown_stops_its_consumers(
    database: Database,
    broker: ApacheKafka,
    vault: Vault,
    handlers: Handlers,
    new: int,
    is_running: bool,
) -> None:
    """The log may be shorter than the position, as long, or longer, and the consumer may run meanwhile or not."""
    await kafka.clear(broker.servers, [TOPIC])
    bus = KafkaBus([broker.servers], session_seconds=SESSION_SECONDS)
    await bus.ensure_topics({TOPIC: PARTITIONS})

    async def applied(count: int) -> bool:
        return await booked(database) >= count

    async def is_stopped() -> bool:
        return (await position(database)).foreign_since is not None

    async def restored() -> None:
        await replaced(broker, broker.restore)
        other = KafkaBus([broker.servers], session_seconds=SESSION_SECONDS)
        await send(other, 100, new)
        await other.close()

    await send(bus, 1, COPIED)
    await replaced(broker, broker.copy)
    await send(bus, 10, LOST)
    async with consuming_with(database, bus, vault, handlers):
        await until(lambda: applied(COPIED + LOST), seconds_max=60)
        if is_running:
            await restored()
            await until(is_stopped, seconds_max=90)
    if not is_running:
        await restored()
    async with consuming_with(database, bus, vault, handlers):
        await until(is_stopped, seconds_max=60)
        assert await booked(database) == COPIED + LOST, "nothing is applied before somebody has decided"
        (accepted,) = await witness.move_back(database, bus, unaudited)
        assert accepted.known == COPIED + LOST
        await until(lambda: applied(COPIED + LOST + new), seconds_max=60)
    async with database.read() as read:
        (whole,) = await amounts(read)
    assert whole[1] % 100 == COPIED + 10 * LOST
    assert whole[1] // 100 == new
    await bus.close()


@asynccontextmanager
async def relaying(relay: Relay) -> AsyncIterator[None]:
    """Let the relay run until the block ends."""
    work = asyncio.create_task(relay.run())
    try:
        yield
    finally:
        work.cancel()
        with suppress(asyncio.CancelledError):
            await work


async def publish(database: Database, customers: Sequence[str], count: int) -> None:
    for _ in range(count):
        async with database.begin() as tx:
            tx.publish(*(purchase(customer) for customer in customers))


async def events_of(database: Database) -> dict[int, list[str]]:
    """Return the events of each partition, in the order in which they were published."""
    found: dict[int, list[str]] = {number: [] for number in range(PARTITIONS)}
    async with database.read() as read:
        for key, event_id in await read.all(select(outbox.c.key, outbox.c.event_id).order_by(outbox.c.id)):
            found[partition_of(key, PARTITIONS)].append(str(event_id))
    return found


async def records_of(bus: Bus) -> dict[int, list[str]]:
    """Return the records of each partition, each where it stands first."""
    found = dict[int, list[str]]()
    for place, end in (await bus.end_offsets([TOPIC])).items():
        records = await bus.read(place, 0, end) if end else []
        found[place.partition] = list(dict.fromkeys(map(identity_of, records)))
    return found


async def test_a_relay_that_goes_on_over_a_restored_broker_sends_nothing_before_the_loss_is_accepted(
    database: Database, broker: ApacheKafka, tmp_path: Path
) -> None:
    """Its new events would be more than those that were lost, so that the end would look right."""
    await kafka.clear(broker.servers, [TOPIC])
    bus = KafkaBus([broker.servers], session_seconds=SESSION_SECONDS)
    await bus.ensure_topics({TOPIC: PARTITIONS})
    lease = FileLease(tmp_path / "test.lease")
    assert lease.try_acquire()
    customers = [new_id("cus") for _ in range(12)]

    async def is_sent() -> bool:
        async with database.read() as read:
            waiting = select(func.count()).select_from(outbox).where(outbox.c.published_at.is_(None))
            return not await read.scalar(waiting)

    async def is_stopped() -> bool:
        async with database.read() as read:
            noted = await ends.read_ends(read, [TOPIC])
        return any(end.lost_since for end in noted.values())

    async with relaying(Relay("test", database, bus, lease, [TOPIC])):
        await publish(database, customers, COPIED)
        await until(is_sent, seconds_max=60)
    await replaced(broker, broker.copy)
    async with relaying(Relay("test", database, bus, lease, [TOPIC])):  # the copy does not know its producer
        await publish(database, customers, LOST)
        await until(is_sent, seconds_max=60)
        await replaced(broker, broker.restore)
        copied = await bus.end_offsets([TOPIC])
        await publish(database, customers, 2 * LOST)
        await until(is_stopped, seconds_max=60)
        assert await bus.end_offsets([TOPIC]) == copied, "nothing takes the places of the lost records"
        assert await witness.accept(
            "test", [TOPIC], database, bus, versions=[], id_blocks=[], audit=unaudited
        )
        await until(is_sent, seconds_max=60)
    assert await records_of(bus) == await events_of(database), "everything, in order"
    await bus.close()
