"""A hundred thousand events wait, most of them one customer's: memory stays flat, and nobody else waits behind them."""

import asyncio
import signal
import statistics
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx2
import pytest
from sqlalchemy import select

from shared.bus import Bus, Message, TopicPartition, open_bus, partition_of
from shared.consume.tables import consumer_position
from shared.db import Database, open_database
from shared.events.base import Cause
from shared.events.cloudevents import encode
from shared.events.profile import PURCHASES, PurchaseLine, PurchaseRecorded
from shared.ids import new_event_id, new_id
from tests.chaos import steady
from tests.parts import stacks, waiting
from tests.parts.distributed import DistributedStack
from tests.parts.embedded import EmbeddedStack
from tests.parts.processes import Server
from tests.parts.stacks import Stack

pytestmark = [pytest.mark.timeout(1_200)]

EVENTS = 100_000
EVENTS_EMBEDDED = 40_000
"""Four services in one process apply each of them, on one core."""
HOT = 0.6
"""The share of one customer, and so of one partition."""
PURCHASES_MAX = 10_000
CUSTOMERS = 2_000
PARTITIONS = 12
PAGE = 1_000
AMOUNT_MINOR = 1_000
POINTS = AMOUNT_MINOR // 100
FIRST_EVENTS = 5_000
"""What is applied before memory is measured: by then every path has run and every cache is warm."""
GROWTH_MB_MAX = 64.0
"""What a consumer may need more than after its first batches: two fetches, at 8 MB each, and their objects."""
DELAY_SECONDS_MAX = 5.0
DRAINED_SECONDS_MAX = 900.0
SAMPLE_SECONDS = 0.25
LOOK_SECONDS = 0.5
STRANGER = "/huitou/backlog"
"""Who says that they have sent the backlog. Profile, which knows nothing of it, would be behind its own topic."""
CONSUMERS = ("loyalty consume 1", "loyalty consume 2")


@pytest.mark.kafka
async def test_a_hot_customers_backlog_takes_no_memory_and_delays_nobody(
    prepared: DistributedStack, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("profile serve", "profile relay", "loyalty serve"):
        prepared.add(name)
    hot = new_id("cus")
    bus, database = (
        open_bus(prepared.kafka.url, home=prepared.home),
        open_database(prepared.databases["loyalty"]),
    )
    async with _closing(bus, database):
        await _produce(bus, hot, EVENTS)
        consumers = [prepared.add(name) for name in CONSUMERS]
        found = await _drained(prepared, consumers, _Backlog(bus, database, hot, EVENTS))

    _judge(found, EVENTS, capsys)


async def test_a_hot_customers_backlog_takes_no_memory_in_one_process(
    embedded: EmbeddedStack, capsys: pytest.CaptureFixture[str]
) -> None:
    embedded.server.end(signal.SIGTERM, seconds_max=stacks.STOP_SECONDS_MAX)
    hot = new_id("cus")
    bus, database = (
        open_bus("embedded://", home=embedded.home),
        open_database(f"sqlite:///{embedded.home}/loyalty.db"),
    )
    async with _closing(bus, database):
        await _produce(bus, hot, EVENTS_EMBEDDED)
        embedded.server.start()
        found = await _drained(embedded, [embedded.server], _Backlog(bus, database, hot, EVENTS_EMBEDDED))

    _judge(found, EVENTS_EMBEDDED, capsys)


@dataclass(slots=True)
class _Found:
    """What was seen while the backlog was applied."""

    seconds: float
    delays: list[float]
    """How long purchases beside it waited for their points."""
    memory: dict[str, list[float]]
    points: int | None
    """What the hot customer has at the end."""


async def _drained(stack: Stack, consumers: Sequence[Server], backlog: "_Backlog") -> _Found:
    began = time.monotonic()
    async with (
        httpx2.AsyncClient(headers=stacks.operator(stack, "admin"), timeout=30) as client,
        _sampled(consumers, backlog) as memory,
    ):
        delays = await _shop_beside(client, stack, backlog)
        await backlog.until(lambda: backlog.left == 0)
        seconds = time.monotonic() - began
        return _Found(seconds, delays, memory, await _points(client, stack, backlog.customer))


def _judge(found: _Found, events: int, capsys: pytest.CaptureFixture[str]) -> None:
    grown = {name: max(sizes) - sizes[0] for name, sizes in found.memory.items()}
    sizes = ", ".join(
        f"{name} {sizes[0]:.0f} MB, at most {grown[name]:+.0f} MB" for name, sizes in found.memory.items()
    )
    with capsys.disabled():
        print(  # noqa: T201 - the figures are what it is run for
            f"\n{events} events in {found.seconds:.0f} s ({events / found.seconds:.0f}/s); after the first "
            f"{FIRST_EVENTS}: {sizes}; {len(found.delays)} purchases beside it: "
            f"median {statistics.median(found.delays):.2f} s, worst {max(found.delays):.2f} s"
        )
    assert found.points == int(events * HOT) * POINTS
    assert max(grown.values()) <= GROWTH_MB_MAX
    assert max(found.delays) <= DELAY_SECONDS_MAX


class _Backlog:
    """How much of the topic is still to be applied by loyalty."""

    def __init__(self, bus: Bus, database: Database, customer: str, events: int) -> None:
        self._bus, self._database, self.customer = bus, database, customer
        self.hot = TopicPartition(PURCHASES.name, partition_of(customer, PARTITIONS))
        self.left, self.left_elsewhere, self.applied = events, events, 0

    async def look(self) -> None:
        place = consumer_position.c
        async with self._database.read() as read:
            rows = await read.all(
                select(place.partition, place.next_offset).where(place.topic == self.hot.topic)
            )
        ends = await self._bus.end_offsets([self.hot.topic])
        positions = {TopicPartition(self.hot.topic, partition): offset for partition, offset in rows}
        lags = {place: end - positions.get(place, 0) for place, end in ends.items()}
        self.left = sum(lags.values())
        self.left_elsewhere = self.left - lags[self.hot]
        self.applied = sum(positions.values())

    async def until(self, condition: Callable[[], bool]) -> None:
        async def holds() -> bool:
            await self.look()
            return condition()

        deadline = time.monotonic() + DRAINED_SECONDS_MAX
        while not await holds():
            assert time.monotonic() < deadline, f"{self.left} events are not applied"
            await asyncio.sleep(LOOK_SECONDS)  # each look connects to the broker anew


async def _shop_beside(client: httpx2.AsyncClient, stack: Stack, backlog: _Backlog) -> list[float]:
    """Buy as customers of other partitions while the hot one's backlog drains; how long each waits for the points."""
    await backlog.until(lambda: backlog.left_elsewhere == 0)
    assert backlog.left > PAGE, "nothing of the hot customer's is left: nobody can wait behind"
    delays, url = list[float](), f"{stack.address('profile')}/v1/purchases"
    for number in range(PURCHASES_MAX):
        await backlog.look()
        if backlog.left < PAGE:
            break
        began = time.monotonic()
        answer = await client.post(url, json=steady.order(f"beside-{number}", number))
        customer_id = answer.json()["customer_id"]
        if partition_of(customer_id, PARTITIONS) == backlog.hot.partition:
            continue

        async def credited(customer_id: str = customer_id) -> bool:
            return await _points(client, stack, customer_id) == POINTS

        await waiting.until(credited, seconds_max=DRAINED_SECONDS_MAX, what="the points are there")
        delays.append(time.monotonic() - began)
    return delays


async def _points(client: httpx2.AsyncClient, stack: Stack, customer_id: str) -> int | None:
    """What the customer has; None while loyalty does not know them."""
    answer = await client.get(f"{stack.address('loyalty')}/v1/members/{customer_id}")
    return int(answer.json()["points"]["active"]) if answer.is_success else None


async def _produce(bus: Bus, hot: str, events: int) -> None:
    """The backlog, as profile's relay would have sent it: the hot customer's among everybody's."""
    others = [new_id("cus") for _ in range(CUSTOMERS)]
    heat = int(events * HOT)
    buyers = [hot] * heat + [others[number % CUSTOMERS] for number in range(events - heat)]
    at = datetime.now(UTC) - timedelta(days=1)
    await bus.ensure_topics({PURCHASES.name: PARTITIONS})
    producer = await bus.producer()
    for begin in range(0, events, PAGE):
        page = buyers[begin : begin + PAGE]
        messages = defaultdict[int, list[Message]](list)
        for buyer in page:
            messages[partition_of(buyer, PARTITIONS)].append(_message(buyer, at))
        for partition, some in messages.items():
            await producer.send(PURCHASES.name, partition, some)
    await producer.close()


def _message(buyer: str, at: datetime) -> Message:
    purchase_id = new_id("pur")
    line = PurchaseLine(line=1, sku="S", quantity=1, amount_minor=AMOUNT_MINOR, category=None)
    event = PurchaseRecorded(
        identity_id=buyer,
        customer_id=buyer,
        occurred_at=at,
        cause=Cause(kind="purchase", id=purchase_id),
        purchase_id=purchase_id,
        source="backlog",
        order_id=purchase_id,
        currency="CNY",
        amount_minor=AMOUNT_MINOR,
        channel="web",
        lines=(line,),
    )
    headers, value = encode(event, new_event_id(), STRANGER)
    return Message(buyer, tuple(headers), value)


@asynccontextmanager
async def _closing(bus: Bus, database: Database) -> AsyncIterator[None]:
    try:
        yield
    finally:
        await bus.close()
        await database.close()


@asynccontextmanager
async def _sampled(servers: Sequence[Server], backlog: _Backlog) -> AsyncIterator[dict[str, list[float]]]:
    """Resident megabytes of each process, again and again, from the moment that the first events were applied."""
    samples: dict[str, list[float]] = {server.name: [] for server in servers}

    async def sample() -> None:
        while True:
            if backlog.applied >= FIRST_EVENTS:
                for server in servers:
                    samples[server.name].append(_resident_mb(server))
            await asyncio.sleep(SAMPLE_SECONDS)

    task = asyncio.create_task(sample())
    try:
        yield samples
    finally:
        task.cancel()


def _resident_mb(server: Server) -> float:
    for line in Path(f"/proc/{server.pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    raise AssertionError(f"{server.name} has no memory")
