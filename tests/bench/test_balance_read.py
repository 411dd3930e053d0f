"""How much of a balance read is ours: over HTTP, with authorisation."""

import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import pytest
from pydantic_core import from_json

from shared.auth.principal import Role
from shared.auth.signing import ensure_signing_key, mint
from shared.clock import SystemClock
from tests.bench import consuming, measuring, serving
from tests.bench.calling import Callers, request
from tests.bench.measuring import Race
from tests.bench.processes import running
from tests.bench.traffic import Stream
from tests.conftest import SEED
from tests.parts import databases
from tests.parts.processes import free_port_base

SEED_EVENTS, SIZE = 10_000, 500
VIEWER: tuple[Role, ...] = ("viewer",)
CONNECTIONS = 8
READS, ROUNDS = 300, 15
"""Reads of one turn; the routes take turns."""


@dataclass(slots=True)
class Reading:
    """A running service with members, and who asks it."""

    pid: int
    callers: Callers
    token: str
    customers: list[str]
    _random: random.Random = field(default_factory=lambda: random.Random(SEED))

    def requests(self, path: str) -> list[bytes]:
        """Reads of members at random."""
        asked = self._random.choices(self.customers, k=READS)
        return [request("GET", f"{path}/{customer_id}", self.token) for customer_id in asked]

    async def compete(self, race: Race, bare_path: str) -> None:
        """Let both routes answer in turns."""
        for path in ("/v1/members", bare_path):
            await self.callers.ask(self.requests(path))
        for _ in range(ROUNDS):
            one, other = self.requests("/v1/members"), self.requests(bare_path)
            with measuring.timed(self.pid) as ours:
                await self.callers.ask(one)
            with measuring.timed(self.pid) as theirs:
                await self.callers.ask(other)
            race.lap(READS, ours, theirs)


@pytest.mark.postgresql
async def test_a_balance_read_costs_little_more_than_its_statement_on_postgresql(tmp_path: Path) -> None:
    race = Race("balance read, PostgreSQL", "the same on a bare asyncpg pool", unit="reads/s", ratio_min=0.70)
    async with _reading("postgresql", tmp_path) as reading:
        path = f"/{reading.customers[0]}"
        asked = [request("GET", at + path, reading.token) for at in ("/v1/members", serving.BARE_MEMBER)]
        answers = [await reading.callers.ask([asking]) for asking in asked]
        await reading.compete(race, serving.BARE_MEMBER)

    assert from_json(answers[0][0]) == from_json(answers[1][0]), "the baseline gives the same answer"
    measuring.conclude(race)


async def test_a_balance_read_costs_little_more_than_its_request_on_sqlite(tmp_path: Path) -> None:
    race = Race("balance read, SQLite", "a constant route", unit="reads/s", ratio_min=0.35)
    async with _reading("sqlite", tmp_path) as reading:
        await reading.compete(race, serving.CONSTANT)

    measuring.conclude(race)


@asynccontextmanager
async def _reading(kind: databases.Kind, folder: Path) -> AsyncIterator[Reading]:
    stream = Stream(SEED, begins=SystemClock().now() - timedelta(days=30))
    key = ensure_signing_key(folder)  # made before the database has anything, as `huitou up` makes it
    async with consuming.opened(kind, "loyalty", folder) as seeded:
        batches = stream.batches(SEED_EVENTS // SIZE, SIZE)
        await seeded.apply(batches)
        await consuming.analyse(seeded.database)
        base = free_port_base(6)
        environment = {
            "HUITOU_HOME": str(folder),
            "HUITOU_PORT_BASE": str(base),
            "HUITOU_LOYALTY_DATABASE_URL": seeded.database.url,
        }
        command, ready = (
            ["-m", "tests.bench.serving", "loyalty", str(folder)],
            [f"http://127.0.0.1:{base + 2}"],
        )
        with running(command, environment, ready, folder / "serving.log") as server:
            callers = Callers(base + 2, CONNECTIONS)
            now = SystemClock().now()
            token = mint(key, "operator", "ana", now=now, ttl=timedelta(hours=1), roles=VIEWER)
            bought = {(record.key or b"").decode() for records in batches for record in records}
            yield Reading(server.pid, callers, token, sorted(bought))
            callers.close()
