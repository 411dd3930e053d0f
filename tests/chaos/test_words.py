"""While a part is away the log says so once, and not a hundred times a second; counted in the log of real processes."""

import asyncio
import json
from collections import Counter
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.parts import stacks, waiting
from tests.parts.distributed import DistributedStack
from tests.parts.kafka import ApacheKafka
from tests.parts.postgres import Postgres

pytestmark = [pytest.mark.timeout(400), pytest.mark.kafka, pytest.mark.postgresql, pytest.mark.slow]

PROCESSES = ("profile serve", "profile relay", "loyalty serve", "loyalty relay", "loyalty consume 1")
OUTAGE_SECONDS = 8.0
"""Under the 30 s after which a sentence may be said again."""
LINES_MAX = 4
NOT_OURS = "not JSON: "
ASK_SECONDS = 0.2
START_SECONDS_MAX = 90.0
AT = datetime.now(UTC).isoformat()


async def test_a_part_that_is_away_is_said_once_by_each_process(prepared: DistributedStack) -> None:
    assert isinstance(prepared.kafka, ApacheKafka)
    assert isinstance(prepared.postgres, Postgres)
    for name in PROCESSES:
        prepared.add(name)
    async with httpx2.AsyncClient(headers=stacks.operator(prepared, "admin"), timeout=10) as client:
        await _credited(client, prepared, "before")

        before = _lengths(prepared)
        prepared.kafka.kill()
        await _ask_for(client, prepared, OUTAGE_SECONDS, "no-bus")
        without_bus = _said(prepared, before)
        prepared.kafka.start_soon()
        await asyncio.to_thread(prepared.kafka.wait)
        await _credited(client, prepared, "between")

        before = _lengths(prepared)
        await asyncio.to_thread(prepared.postgres.stop)
        await _ask_for(client, prepared, OUTAGE_SECONDS, "no-database")
        without_database = _said(prepared, before)
        prepared.postgres.start_soon()
        await asyncio.to_thread(prepared.postgres.wait)
        await _credited(client, prepared, "after")
    print(f"\nwithout the bus: {without_bus}\nwithout the database: {without_database}")  # noqa: T201 - figures
    assert without_bus["profile relay"], "the outbox waits, and nobody says so"
    assert all(without_database[name] for name in PROCESSES)
    for name, sentences in [*without_bus.items(), *without_database.items()]:
        assert sentences.total() <= LINES_MAX, f"{name}: {sentences}"
        assert set(sentences.values()) <= {1}, f"{name}: {sentences}"
        assert not [sentence for sentence in sentences if sentence.startswith(NOT_OURS)], (
            f"{name}: {sentences}"
        )


def _order(order_id: str) -> dict[str, Any]:
    return {
        "source": "words",
        "order_id": order_id,
        "purchased_at": AT,
        "customer": {"external_id": "words"},
        "currency": "CNY",
        "lines": [{"sku": "S", "quantity": 1, "amount_minor": 1_000}],
    }


async def _credited(client: httpx2.AsyncClient, stack: DistributedStack, order_id: str) -> None:
    """Return when a purchase has gone all the way: every process works."""

    async def points() -> int:
        bought = await client.post(f"{stack.address('profile')}/v1/purchases", json=_order(order_id))
        member = await client.get(f"{stack.address('loyalty')}/v1/members/{bought.json()['customer_id']}")
        return int(member.json()["points"]["active"]) if member.is_success else 0

    async def has() -> bool:
        try:
            return await points() > 0
        except (httpx2.TransportError, KeyError):
            return False

    await waiting.until(has, seconds_max=START_SECONDS_MAX, what=f"{order_id} is credited")


async def _ask_for(client: httpx2.AsyncClient, stack: DistributedStack, seconds: float, mark: str) -> None:
    """Purchases for as long as the outage shall be."""
    loop = asyncio.get_running_loop()
    over, number = loop.time() + seconds, 0
    while loop.time() < over:
        number += 1
        await client.post(f"{stack.address('profile')}/v1/purchases", json=_order(f"{mark}-{number}"))
        await client.get(f"{stack.address('loyalty')}/v1/members/nobody")
        await asyncio.sleep(ASK_SECONDS)  # the pace of the asking, no wait


def _lengths(stack: DistributedStack) -> dict[str, int]:
    return {name: server.log.stat().st_size for name, server in stack.servers.items()}


def _said(stack: DistributedStack, since: Mapping[str, int]) -> dict[str, Counter[str]]:
    """What each process has written since, but for the lines of requests and batches, by sentence."""
    return {name: _sentences(server.log, since[name]) for name, server in stack.servers.items()}


def _sentences(log: Path, since: int) -> Counter[str]:
    with log.open("rb") as file:
        file.seek(since)
        lines = file.read().decode().splitlines()
    found: Counter[str] = Counter()
    for line in lines:
        try:
            document = json.loads(line)
        except ValueError:
            found[f"{NOT_OURS}{line}"] += 1
            continue
        if document["level"] != "info":
            found[document["event"]] += 1
    return found
