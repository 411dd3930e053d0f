"""A hundred thousand events wait, most of them one customer's: memory stays flat, and nobody else waits behind them."""

import asyncio
import itertools
import statistics
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx2
import pytest
from sqlalchemy import select

from shared.bus import Bus, Message, TopicPartition, open_bus, partition_of
from shared.consume.tables import consumer_position
from shared.db import Database, open_database
from shared.events import PurchaseRecorded
from shared.events.base import Cause
from shared.events.cloudevents import encode
from shared.events.profile import PURCHASES, PurchaseLine
from shared.ids import new_event_id, new_id
from tests.chaos import steady
from tests.parts import stacks, waiting
from tests.parts.distributed import DistributedStack
from tests.parts.processes import Server

pytestmark = [pytest.mark.timeout(1_200), pytest.mark.kafka]

EVENTS = 100_000
HOT = 60_000
"""Those of one customer, and so of one partition."""
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
CONSUMERS = ("loyalty consume 1", "loyalty consume 2")


async def test_a_hot_customers_backlog_takes_no_memory_and_delays_nobody(
    prepared: DistributedStack, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("profile serve", "profile relay", "loyalty serve"):
        prepared.add(name)
    hot = new_id("cus")
    async with _opened(prepared) as (bus, database):
        await _produce(bus, hot)
        backlog = _Backlog(bus, database, TopicPartition(PURCHASES, partition_of(hot, PARTITIONS)))
        for name in CONSUMERS:
            prepared.add(name)
        began = time.monotonic()
        async with _sampled([prepared.servers[name] for name in CONSUMERS], backlog) as memory:
            delays = await _shop_beside(prepared, backlog)
            await backlog.until(lambda: backlog.left == 0)
        seconds = time.monotonic() - began
        async with httpx2.AsyncClient(headers=stacks.operator(prepared, "admin"), timeout=30) as client:
            points = await _points(client, prepared, hot)

    grown = {name: max(later) - later[0] for name, later in memory.items()}
    with capsys.disabled():
        print(  # noqa: T201 - the figures are what it is run for
            f"\n{EVENTS} events in {seconds:.0f} s ({EVENTS / seconds:.0f}/s); RSS after the first {FIRST_EVENTS}: "
            + ", ".join(
                f"{name} {later[0]:.0f} MB, at most {grown[name]:+.0f} MB" for name, later in memory.items()
            )
            + f"; {len(delays)} purchases beside it: median {statistics.median(delays):.2f} s, worst {max(delays):.2f} s"
        )
    assert points == HOT * POINTS
    assert max(grown.values()) <= GROWTH_MB_MAX
    assert max(delays) <= DELAY_SECONDS_MAX


class _Backlog:
    """How much of the topic is still to be applied."""

    def __init__(self, bus: Bus, database: Database, hot: TopicPartition) -> None:
        self._bus, self._database, self.hot = bus, database, hot
        self.left, self.left_elsewhere, self.applied = EVENTS, EVENTS, 0

    async def look(self) -> None:
        place = consumer_position.c
        async with self._database.read() as read:
            rows = await read.all(
                select(place.partition, place.next_offset).where(place.topic == self.hot.topic)
            )
        ends = await self._bus.end_offsets([self.hot.topic])
        positions = {TopicPartition(self.hot.topic, partition): offset for partition, offset in rows}
        lags = {each: end - positions.get(each, 0) for each, end in ends.items()}
        self.left = sum(lags.values())
        self.left_elsewhere = self.left - lags[self.hot]
        self.applied = sum(positions.values())

    async def until(self, condition: Callable[[], bool]) -> None:
        async def holds() -> bool:
            await self.look()
            return condition()

        await waiting.until(holds, seconds_max=DRAINED_SECONDS_MAX, what=f"{self.left} events are applied")


async def _shop_beside(stack: DistributedStack, backlog: _Backlog) -> list[float]:
    """Buy as customers of other partitions while the hot one's backlog drains; how long each waits for the points."""
    await backlog.until(lambda: backlog.left_elsewhere == 0)
    assert backlog.left > HOT / 4, (
        f"only {backlog.left} of the hot customer's are left: nobody can wait behind"
    )
    delays = list[float]()
    async with httpx2.AsyncClient(headers=stacks.operator(stack, "admin"), timeout=30) as client:
        for number in itertools.count():
            await backlog.look()
            if backlog.left < PAGE:
                return delays
            began = time.monotonic()
            answer = await client.post(
                f"{stack.address('profile')}/v1/purchases", json=steady.order(f"beside-{number}", number)
            )
            customer_id = answer.json()["customer_id"]
            if partition_of(customer_id, PARTITIONS) == backlog.hot.partition:
                continue

            async def credited(customer_id: str = customer_id) -> bool:
                return await _points(client, stack, customer_id) == POINTS

            await waiting.until(credited, seconds_max=DRAINED_SECONDS_MAX, what="the points are there")
            delays.append(time.monotonic() - began)
    raise AssertionError("it is counted for ever")


async def _points(client: httpx2.AsyncClient, stack: DistributedStack, customer_id: str) -> int | None:
    """What the customer has; None while loyalty does not know them."""
    answer = await client.get(f"{stack.address('loyalty')}/v1/members/{customer_id}")
    return int(answer.json()["points"]["active"]) if answer.is_success else None


async def _produce(bus: Bus, hot: str) -> None:
    """The backlog, as profile's relay would have sent it: the hot customer's among everybody's."""
    others = [new_id("cus") for _ in range(CUSTOMERS)]
    buyers = [hot] * HOT + [others[number % CUSTOMERS] for number in range(EVENTS - HOT)]
    at = datetime.now(UTC) - timedelta(days=1)
    await bus.ensure_topics({PURCHASES: PARTITIONS})
    producer = await bus.producer()
    for begin in range(0, EVENTS, PAGE):
        page = buyers[begin : begin + PAGE]
        messages = defaultdict[int, list[Message]](list)
        for buyer in page:
            messages[partition_of(buyer, PARTITIONS)].append(_message(buyer, at))
        for partition, some in messages.items():
            await producer.send(PURCHASES, partition, some)
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
    headers, value = encode(event, new_event_id(), "/huitou/profile")
    return Message(buyer, tuple(headers), value)


@asynccontextmanager
async def _opened(stack: DistributedStack) -> AsyncIterator[tuple[Bus, Database]]:
    bus, database = open_bus(stack.kafka.url, home=stack.home), open_database(stack.databases["loyalty"])
    try:
        yield bus, database
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
