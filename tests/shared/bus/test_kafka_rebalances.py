"""While consumers join, leave and die, every record has its effect once, in the order of its key."""

import asyncio
import itertools
import json
import os
import random
import signal
import sys
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from pathlib import Path

import pytest
from sqlalchemy import func, select

from shared.bus import Bus, Message, TopicPartition, partition_of
from shared.bus.kafka import KafkaBus
from shared.consume.tables import consumer_position, set_aside
from shared.db import Database
from shared.events.cloudevents import encode
from shared.events.profile import PurchaseRecorded
from shared.ids import new_event_id, new_id
from shared.outbox.tables import outbox
from shared.vault import Vault
from tests.parts import kafka
from tests.parts.processes import Server
from tests.parts.waiting import until
from tests.shared.bus.ledger_member import SESSION_SECONDS
from tests.shared.ledger import PLACE, amounts, entries, purchase

pytestmark = [
    pytest.mark.kafka,
    pytest.mark.postgresql,
    pytest.mark.slow,
    pytest.mark.parametrize("kind", ["postgresql"]),
]

TOPIC, PARTITIONS = PLACE.topic, 6
CUSTOMERS = 40
CHANGES = 6
CHANGE_EVERY_SECONDS = 2.0
SEND_EVERY_SECONDS = 0.05
SENT_AT_ONCE = 8
SENT_TO_BOTH = 320
TWICE = 0.1
STOP_SECONDS_MAX = 20.0
APPLIED_SECONDS_MAX = 60.0
ROOT = Path(__file__).parents[3]


@pytest.fixture
async def bus(broker: kafka.Kafka) -> AsyncIterator[Bus]:
    """The topic with six partitions, and nothing in it of the tests before or for those after."""
    if not broker.ours:
        pytest.skip(f"{broker.sentence} does not allow short sessions")
    await kafka.clear(broker.servers, [TOPIC])
    opened = KafkaBus([broker.servers], session_seconds=SESSION_SECONDS)
    await opened.ensure_topics({TOPIC: PARTITIONS})
    yield opened
    await opened.close()
    await kafka.clear(broker.servers, [TOPIC])


class Members:
    """Consumers of one group on one database, each a process."""

    def __init__(self, folder: Path, servers: str, database: Database, group: str) -> None:
        self.group = group
        self._folder, self._servers, self._database = folder, servers, database
        self._numbers = itertools.count(1)
        self.running: dict[str, Server] = {}

    def join(self, name: str | None = None) -> None:
        """Start one, under the name of one that has gone or a new one."""
        member = name or f"member-{next(self._numbers)}"
        arguments = [self._servers, self._database.url, str(self._folder), self.group, member]
        server = Server(
            member,
            [sys.executable, "-m", "tests.shared.bus.ledger_member", *arguments],
            log=self._folder / f"{member}.log",
            environment={**os.environ, "PYTHONPATH": str(ROOT)},
        )
        server.start()
        self.running[member] = server

    async def go(self, name: str, by: signal.Signals) -> None:
        """End one: SIGTERM leaves in order, SIGKILL does not say goodbye."""
        server = self.running.pop(name)
        await asyncio.to_thread(server.end, by, seconds_max=STOP_SECONDS_MAX)

    async def change(self, which: int, rng: random.Random) -> None:
        """The next of: one dies, one joins, one leaves, one dies and is back at once under its name."""
        name = rng.choice(sorted(self.running))
        match which % 4:
            case 0:
                await self.go(name, signal.SIGKILL)
            case 1:
                self.join()
            case 2:
                await self.go(name, signal.SIGTERM)
                self.join()
            case _:
                await self.go(name, signal.SIGKILL)
                self.join(name)


@pytest.fixture
def members(
    tmp_path: Path, broker: kafka.Kafka, database: Database, vault: Vault
) -> Iterator[Members]:  # the vault's keys are made before several processes look for them
    group = f"toy-{tmp_path.name}"
    opened = Members(tmp_path, broker.servers, database, group)
    yield opened
    for server in opened.running.values():
        server.end(signal.SIGKILL, seconds_max=STOP_SECONDS_MAX)


async def send(
    bus: Bus, customers: Sequence[str], rng: random.Random, more: Callable[[int], bool]
) -> list[PurchaseRecorded]:
    """Send purchases while `more`, some of them twice, as a relay does that was killed before it marked them."""
    producer, sent = await bus.producer(), list[PurchaseRecorded]()
    while more(len(sent)):
        for _ in range(SENT_AT_ONCE):
            event = purchase(rng.choice(customers), rng.randint(1, 500), later=len(sent))
            sent.append(event)
            headers, payload = encode(event, new_event_id(), "/huitou/profile")
            message = Message(event.key, tuple(headers), payload)
            again = [message] * (2 if rng.random() < TWICE else 1)
            await producer.send(TOPIC, partition_of(event.key, PARTITIONS), again)
        await asyncio.sleep(SEND_EVERY_SECONDS)  # the pace of the shop, no wait
    return sent


async def at_the_end(bus: Bus, database: Database, group: str) -> bool:
    """Whether the group's positions are the ends of all partitions."""
    place = consumer_position.c
    async with database.read() as read:
        rows = await read.all(
            select(place.topic, place.partition, place.next_offset).where(place.consumer == group)
        )
    stands = {TopicPartition(topic, partition): offset for topic, partition, offset in rows}
    ends = await bus.end_offsets([TOPIC])
    return all(stands.get(place, 0) == end for place, end in ends.items() if end)


async def everything_once_and_in_order(database: Database, sent: Sequence[PurchaseRecorded]) -> None:
    """Each purchase is booked once, nothing is set aside, and what was told of a key came in its order."""
    expected: dict[str, int] = defaultdict(int)
    ordered: dict[str, list[str]] = defaultdict(list)
    for event in sent:
        expected[event.identity_id] += event.amount_minor
        ordered[event.key].append(event.purchase_id)
    async with database.read() as read:
        booked = await read.scalar(select(func.count()).select_from(entries))
        aside = await read.scalar(select(func.count()).select_from(set_aside))
        balances = dict(await amounts(read))
        told: dict[str, list[str]] = defaultdict(list)
        for key, payload in await read.all(select(outbox.c.key, outbox.c.payload).order_by(outbox.c.id)):
            told[key].append(json.loads(payload)["purchase_id"])
    assert (booked, aside) == (len(sent), 0)
    assert balances == expected
    assert told == ordered


async def test_nothing_is_lost_or_doubled_while_members_join_leave_and_die(
    database: Database, bus: Bus, members: Members, seeded: random.Random
) -> None:
    customers = [new_id("cus") for _ in range(CUSTOMERS)]
    stopping = asyncio.Event()
    sending = asyncio.create_task(send(bus, customers, seeded, lambda _: not stopping.is_set()))
    for _ in range(3):
        members.join()

    for which in range(CHANGES):
        await asyncio.sleep(CHANGE_EVERY_SECONDS)  # the pace of the changes, no wait
        await members.change(which, seeded)
    stopping.set()
    sent = await sending

    await until(
        lambda: at_the_end(bus, database, members.group),
        seconds_max=APPLIED_SECONDS_MAX,
        what="all is applied",
    )
    await everything_once_and_in_order(database, sent)


async def test_two_members_of_one_name_do_each_others_work_and_no_work_twice(
    database: Database, bus: Bus, members: Members, seeded: random.Random
) -> None:
    customers = [new_id("cus") for _ in range(CUSTOMERS)]
    members.join("same")
    first = members.running["same"]
    members.join("same")  # from now on each is pushed out of the group by the other, again and again
    sent = await send(bus, customers, seeded, lambda count: count < SENT_TO_BOTH)

    await until(
        lambda: at_the_end(bus, database, members.group),
        seconds_max=APPLIED_SECONDS_MAX,
        what="all is applied",
    )
    first.end(signal.SIGKILL, seconds_max=STOP_SECONDS_MAX)
    await everything_once_and_in_order(database, sent)
