"""Kafka comes back: what was taken in without it is sent in order, several times as fast as it came in."""

import asyncio
import time
from collections import defaultdict

import httpx2
import pytest
from sqlalchemy import func, select

from shared.db import Database, open_database
from shared.outbox.tables import outbox
from tests.chaos import books, steady
from tests.parts import stacks
from tests.parts.distributed import DistributedStack
from tests.parts.kafka import ApacheKafka

pytestmark = [pytest.mark.timeout(600), pytest.mark.kafka]

SECONDS = 20.0
PER_SECOND = 100.0
"""Purchases a second one by one: what a shop of this size sends."""
BATCHES_PER_SECOND = 2.0
BATCH = 500
TIMES_FASTER_MIN = 5.0


@pytest.mark.parametrize("by", ["one", "batch"])
async def test_the_backlog_of_an_outage_drains_in_order_and_faster_than_it_came(
    distributed: DistributedStack, by: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert isinstance(distributed.kafka, ApacheKafka)
    headers = stacks.operator(distributed, "admin")
    database = open_database(distributed.databases["profile"])
    async with (
        httpx2.AsyncClient(headers=headers, timeout=30) as client,
        books.opened(distributed) as bookkeeper,
    ):
        await bookkeeper.settle()
        await asyncio.to_thread(distributed.kafka.kill)
        began = time.monotonic()
        bought = await (_one_by_one if by == "one" else _in_batches)(client, distributed)
        intake = len(bought) / (time.monotonic() - began)
        waiting_rows = await _pending(database)
        distributed.kafka.start_soon()
        await asyncio.to_thread(distributed.kafka.wait)
        back = time.time()
        await bookkeeper.settle()
        standing = await bookkeeper.read()
        first, last = _first_sent(standing, set(bought)), await _last_marked(database)
    await database.close()
    drain = waiting_rows / (last - first)
    with capsys.disabled():
        print(  # noqa: T201 - the figures are what it is run for
            f"\n{by}: {len(bought)} purchases at {intake:.0f}/s; {waiting_rows} events sent in {last - first:.2f} s, "
            f"{drain:.0f}/s, {drain / intake:.1f} times as fast; the first {first - back:.1f} s after Kafka was back"
        )

    assert waiting_rows >= len(bought)
    assert drain >= TIMES_FASTER_MIN * intake
    assert books.differences(standing, set()) == []
    assert _out_of_order(standing, bought) == []


async def _one_by_one(client: httpx2.AsyncClient, stack: DistributedStack) -> list[str]:
    """Purchases at a steady pace, some at a time; their ids, each customer's in the order of the answers."""
    url, bought = f"{stack.address('profile')}/v1/purchases", list[str]()
    until, numbers = time.monotonic() + SECONDS, iter(range(1_000_000))

    async def shop(customer: int) -> None:
        due = time.monotonic()
        while time.monotonic() < until:
            answer = await client.post(url, json=steady.order(f"drain-{next(numbers)}", customer))
            assert answer.status_code == httpx2.codes.CREATED, answer.text
            bought.append(answer.json()["id"])
            due = max(due + steady.AT_ONCE_MAX / PER_SECOND, time.monotonic())
            await asyncio.sleep(due - time.monotonic())

    await asyncio.gather(*(shop(customer) for customer in range(steady.AT_ONCE_MAX)))
    return bought


async def _in_batches(client: httpx2.AsyncClient, stack: DistributedStack) -> list[str]:
    """Batches at a steady pace, one after the other; the ids in their order."""
    url, bought = f"{stack.address('profile')}/v1/purchases:batch", list[str]()
    due = began = time.monotonic()
    while due < began + SECONDS:
        items = [
            steady.order(f"drain-{len(bought) + number}", number % steady.CUSTOMERS)
            for number in range(BATCH)
        ]
        answer = await client.post(url, json={"items": items})
        assert answer.is_success, answer.text
        bought += [item["purchase"]["id"] for item in answer.json()["items"]]
        due = max(due + 1 / BATCHES_PER_SECOND, time.monotonic())
        await asyncio.sleep(due - time.monotonic())
    return bought


async def _pending(database: Database) -> int:
    async with database.read() as read:
        return (
            await read.scalar(select(func.count()).select_from(outbox).where(outbox.c.published_at.is_(None)))
            or 0
        )


def _first_sent(standing: books.Books, bought: set[str]) -> float:
    """When the first of these purchases was put into a batch that Kafka took, as a Unix time."""
    return min(
        record.timestamp_ms / 1000
        for record in standing.records
        if books.header(record, "ce_type") == "profile.purchase_recorded.v1"
        and books.body(record)["purchase_id"] in bought
    )


async def _last_marked(database: Database) -> float:
    """When the last row of the outbox was marked, as a Unix time."""
    async with database.read() as read:
        last = await read.scalar(select(func.max(outbox.c.published_at)))
    assert last is not None
    return last.timestamp()


def _out_of_order(standing: books.Books, bought: list[str]) -> list[str]:
    """Customers whose purchases stand in the topic in another order than they were answered in."""
    places = {purchase_id: place for place, purchase_id in enumerate(bought)}
    sent = defaultdict[str, list[int]](list)
    for record in standing.records:
        if books.header(record, "ce_type") == "profile.purchase_recorded.v1" and record.value:
            event = books.body(record)
            if event["purchase_id"] in places:
                sent[event["identity_id"]].append(places[event["purchase_id"]])
    lines = {customer: list(dict.fromkeys(numbers)) for customer, numbers in sent.items()}
    assert sum(map(len, lines.values())) == len(bought), "every purchase is in the topic"
    return [customer for customer, line in lines.items() if line != sorted(line)]
