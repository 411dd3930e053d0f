"""How fast purchases are taken in over HTTP, their customers found or made."""

import json
import random
from datetime import timedelta
from pathlib import Path

import pytest

from shared.auth.principal import Role
from shared.auth.signing import ensure_signing_key, mint
from shared.clock import SystemClock
from tests.bench import consuming, measuring, serving
from tests.bench.calling import Callers, request
from tests.bench.measuring import Race
from tests.bench.processes import running
from tests.conftest import SEED
from tests.parts import databases
from tests.parts.processes import free_port_base

BATCH, SEED_BATCHES, ROUND_BATCHES, ROUNDS = 500, 12, 2, 7
CUSTOMERS, NEWCOMERS = 5_000, 0.02
AGENT: tuple[Role, ...] = ("agent",)


@pytest.mark.parametrize("kind", databases.KINDS)
async def test_intake_in_batches(kind: databases.Kind, tmp_path: Path) -> None:
    race = Race(f"intake by :batch, {kind}", "parse the body and keep it", unit="purchases/s", rate_min=1_500)
    async with databases.fresh(kind, "profile", folder=tmp_path) as database:
        base, now = free_port_base(5), SystemClock().now()
        environment = {
            "HUITOU_HOME": str(tmp_path),
            "HUITOU_PORT_BASE": str(base),
            "HUITOU_PROFILE_DATABASE_URL": database.url,
        }
        command, ready = (
            ["-m", "tests.bench.serving", "profile", str(tmp_path)],
            [f"http://127.0.0.1:{base + 1}"],
        )
        with running(command, environment, ready, tmp_path / "serving.log") as server:
            key = ensure_signing_key(tmp_path)
            shop = Shop(mint(key, "operator", "ana", now=now, ttl=timedelta(hours=1), roles=AGENT))
            callers = Callers(base + 1, connections=1)
            await callers.ask([shop.batch()[0] for _ in range(SEED_BATCHES)])
            await consuming.analyse(database)
            for _ in range(ROUNDS):
                product, bare = zip(*(shop.batch() for _ in range(ROUND_BATCHES)), strict=True)
                with measuring.timed(server.pid) as ours:
                    answers = await callers.ask(product)
                with measuring.timed(server.pid) as theirs:
                    await callers.ask(bare)
                race.lap(ROUND_BATCHES * BATCH, ours, theirs)
                statuses = {item["status"] for answer in answers for item in json.loads(answer)["items"]}
                assert statuses == {201}, statuses
            callers.close()

    measuring.conclude(race)


class Shop:
    """A till that knows its customers by number or by phone."""

    def __init__(self, token: str) -> None:
        self._token = token
        self._random = random.Random(SEED)
        self._orders = 0
        self._customers = CUSTOMERS
        self._at = SystemClock().now() - timedelta(days=30)

    def batch(self) -> tuple[bytes, bytes]:
        """The next purchases, as a request to the product and as one to the baseline."""
        body = json.dumps({"items": [self._purchase() for _ in range(BATCH)]}).encode()
        return (
            request("POST", "/v1/purchases:batch", self._token, body),
            request("POST", serving.BARE_FACTS, self._token, body),
        )

    def _purchase(self) -> dict[str, object]:
        self._orders += 1
        self._at += timedelta(seconds=20)
        self._customers += self._random.random() < NEWCOMERS
        number = self._random.randrange(self._customers)
        known = {"phone": f"+86138{number:08d}"} if number % 2 else {"external_id": f"C-{number}"}
        lines = [
            {
                "sku": f"SKU-{self._random.randrange(5_000)}",
                "quantity": self._random.choice((1, 1, 1, 2, 3)),
                "amount_minor": self._random.randrange(100, 4_000),
                "category": f"category-{self._random.randrange(40)}",
            }
            for _ in range(self._random.choice((1, 1, 2, 3)))
        ]
        return {
            "source": "web", "order_id": f"O-{self._orders}", "purchased_at": self._at.isoformat(),
            "customer": known, "currency": "CNY", "channel": "web", "lines": lines,
        }  # fmt: skip
