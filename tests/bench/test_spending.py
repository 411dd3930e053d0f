"""How fast points are spent over HTTP, one request after another: redemptions of one hot wallet, and holds that are committed."""

import asyncio
import itertools
import json
import math
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from shared.auth.principal import Role
from shared.auth.signing import ensure_signing_key, mint
from shared.clock import SystemClock
from tests.bench import consuming, measuring, serving
from tests.bench.calling import HEAD_ENDS, Callers, Lines, request
from tests.bench.measuring import Race, Size
from tests.bench.processes import running
from tests.bench.traffic import Stream
from tests.conftest import SEED
from tests.parts import databases
from tests.parts.far_rates import FAR_RATES
from tests.parts.processes import free_port_base
from tests.parts.till import SALE

SEED_EVENTS, SIZE = 5_000, 500
ADMIN: tuple[Role, ...] = ("admin",)
CONNECTIONS, REDEMPTIONS, ROUNDS = 8, 300, 11
RATE_MIN: dict[databases.Kind, float | None] = {"sqlite": 400, "postgresql": None}
"""On PostgreSQL 400 is aimed at and not reached: each redemption asks the server twenty times, sixteen of them behind the wallet's lock."""
HOT_POINTS, PAYERS, PAYER_POINTS = 20_000, 20, 10_000
PAIRS_A_SECOND, PAIR_SECONDS, WARM_PAIRS = 50, 15, 150
P95_MS_MAX = 40
SHARE = 0.95


@dataclass(slots=True)
class Spending:
    """A running service with members, and who asks it."""

    pid: int
    port: int
    token: str
    customers: list[str]
    _keys: "itertools.count[int]" = field(default_factory=itertools.count)

    def post(self, path: str, body: dict[str, Any]) -> bytes:
        """Return a request with a new Idempotency-Key."""
        head, _, content = request("POST", path, self.token, json.dumps(body).encode()).partition(HEAD_ENDS)
        return head + f"\r\nIdempotency-Key: bench-{next(self._keys)}".encode() + HEAD_ENDS + content

    async def give(self, callers: Callers, customer_id: str, points: int) -> None:
        """Adjust a member's points."""
        path = f"/v1/members/{customer_id}/adjustments"
        await callers.ask([self.post(path, {"points": points, "reason": "bench"})])


@pytest.mark.parametrize("kind", databases.KINDS)
async def test_redemptions_of_one_hot_wallet(kind: databases.Kind, tmp_path: Path) -> None:
    name = f"redemptions of one wallet, {CONNECTIONS} connections, {kind}"
    race = Race(name, "a validated POST that stores nothing", unit="redemptions/s", rate_min=RATE_MIN[kind])
    async with _spending(kind, tmp_path) as spending:
        callers = Callers(spending.port, CONNECTIONS)
        hot = spending.customers[0]
        await spending.give(callers, hot, HOT_POINTS)
        path, body = f"/v1/members/{hot}/redemptions", {"points": 1, "reference": "A mug"}
        for _ in range(ROUNDS):
            redemptions = [spending.post(path, body) for _ in range(REDEMPTIONS)]
            checks = [spending.post(serving.CHECKED, SALE) for _ in range(REDEMPTIONS)]
            with measuring.timed(spending.pid) as ours:
                await callers.ask(redemptions)
            with measuring.timed(spending.pid) as theirs:
                await callers.ask(checks)
            race.lap(REDEMPTIONS, ours, theirs)
        callers.close()

    measuring.conclude(race)


@pytest.mark.postgresql
async def test_a_hold_and_its_commit_are_soon_answered(tmp_path: Path) -> None:
    async with _spending("postgresql", tmp_path) as spending:
        callers, lines = Callers(spending.port, 1), Lines(spending.port)
        payers = itertools.cycle(spending.customers[:PAYERS])
        for payer in spending.customers[:PAYERS]:
            await spending.give(callers, payer, PAYER_POINTS)

        async def pair(number: int) -> None:
            cart = {"currency": "CNY", "lines": [{"sku": "tea", "quantity": 2, "amount_minor": 6_000}]}
            body = {"customer_id": next(payers), "points": 3, **cart}
            held = json.loads(await lines.ask(spending.post("/v1/holds", body)))
            order = {"order": {"source": "web", "order_id": f"bench-{number}"}}
            await lines.ask(spending.post(f"/v1/holds/{held['id']}/commit", order))

        async def checked(_: int) -> None:
            for _ in range(2):
                await lines.ask(spending.post(serving.CHECKED, SALE))

        for number in range(WARM_PAIRS):
            await pair(number)
        seconds = await _paced(pair, PAIR_SECONDS, first=WARM_PAIRS)
        bare = await _paced(checked, PAIR_SECONDS, first=0)
        callers.close()
        lines.close()

    name = f"hold and commit at {PAIRS_A_SECOND}/s, p95, PostgreSQL"
    measuring.conclude(
        Size(
            name, _p95_ms(seconds), P95_MS_MAX, "ms", _p95_ms(bare), "two validated POSTs that store nothing"
        )
    )


async def _paced(work: Callable[[int], Awaitable[None]], seconds: int, *, first: int) -> list[float]:
    """Begin work at an even pace, whether or not the last is done, and return how long each took."""
    took: list[float] = []

    async def timed(number: int) -> None:
        began = time.perf_counter()
        await work(number)
        took.append(time.perf_counter() - began)

    began = time.perf_counter()
    async with asyncio.TaskGroup() as group:
        for number in range(seconds * PAIRS_A_SECOND):
            await asyncio.sleep(began + number / PAIRS_A_SECOND - time.perf_counter())
            group.create_task(timed(first + number))
    return took


def _p95_ms(seconds: list[float]) -> float:
    return 1_000 * sorted(seconds)[math.ceil(SHARE * len(seconds)) - 1]


@asynccontextmanager
async def _spending(kind: databases.Kind, folder: Path) -> AsyncIterator[Spending]:
    stream = Stream(SEED, begins=SystemClock().now() - timedelta(days=30))
    key = ensure_signing_key(folder)  # made before the database has anything, as `huitou up` makes it
    async with consuming.opened(kind, "loyalty", folder) as seeded:
        batches = stream.batches(SEED_EVENTS // SIZE, SIZE)
        await seeded.apply(batches)
        await consuming.analyse(seeded.database)
        bought = sorted({(record.key or b"").decode() for records in batches for record in records})
        base = free_port_base(6)
        environment = {
            **FAR_RATES,
            "HUITOU_HOME": str(folder),
            "HUITOU_PORT_BASE": str(base),
            "HUITOU_LOYALTY_DATABASE_URL": seeded.database.url,
        }
        command = ["-m", "tests.bench.serving", "loyalty", str(folder)]
        with running(
            command, environment, [f"http://127.0.0.1:{base + 2}"], folder / "serving.log"
        ) as server:
            now = SystemClock().now()
            token = mint(key, "operator", "ana", now=now, ttl=timedelta(minutes=50), roles=ADMIN)
            yield Spending(server.pid, base + 2, token, bought)
