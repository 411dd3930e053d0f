"""How much CPU a request costs before and after the work it asks for: limits, log, metrics, authorisation, validation."""

import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest

from shared.auth.principal import Role
from shared.auth.signing import ensure_signing_key, mint
from shared.clock import SystemClock
from shared.ids import new_id
from tests.bench import measuring, serving
from tests.bench.calling import Callers, request
from tests.bench.measuring import NANOSECONDS, Size
from tests.bench.processes import running
from tests.parts import databases
from tests.parts.processes import free_port_base
from tests.parts.till import SALE

AGENT: tuple[Role, ...] = ("agent",)
CONNECTIONS, REQUESTS, ROUNDS = 8, 500, 15
CUSTOMERS = 100
QUOTA = 150
"""The quota of a customer: so small that each request is drawn singly, and more than one customer sends here in a minute."""
MICROSECONDS_MAX = 1_000


@dataclass(slots=True)
class Edge:
    """A running service, a bare app in the same process, and who asks them."""

    pid: int
    ours: Callers
    bare: Callers
    folder: Path

    def token(self, customer_id: str | None = None) -> str:
        """Mint a token of a customer, or of an operator."""
        now, ttl, key = SystemClock().now(), timedelta(minutes=14), ensure_signing_key(self.folder)
        if customer_id is not None:
            return mint(key, "customer", customer_id, now=now, ttl=ttl)
        return mint(key, "operator", "ana", now=now, ttl=ttl, roles=AGENT)

    async def compare(self, name: str, requests: Sequence[bytes], bare: Sequence[bytes]) -> None:
        """Let both answer in turns, and put the cost of the best round into the table: neighbours only ever add to it."""
        await self.ours.ask(requests)
        await self.bare.ask(bare)
        costs, least = list[float](), list[float]()
        for _ in range(ROUNDS):
            costs.append(await self._cost(self.ours, requests))
            least.append(await self._cost(self.bare, bare))
        measuring.conclude(
            Size(name, min(costs), MICROSECONDS_MAX, "µs CPU", min(least), "a bare Starlette route")
        )

    async def _cost(self, callers: Callers, requests: Sequence[bytes]) -> float:
        """Return the microseconds that the process worked for one of these requests."""
        began = worked(self.pid)
        await callers.ask(requests)
        return (worked(self.pid) - began) / len(requests) * 1e6


@pytest.mark.parametrize("kind", databases.KINDS)
async def test_the_edge_costs_little_cpu(kind: databases.Kind, tmp_path: Path) -> None:
    sale = json.dumps(SALE).encode()
    async with _edge(kind, tmp_path) as edge:
        token = edge.token()
        read = request("GET", f"{serving.CONSTANT}/cus_a", token)
        checked = request("POST", serving.CHECKED, token, sale)
        await edge.compare(f"edge, a GET, {kind}", [read] * REQUESTS, [read] * REQUESTS)
        await edge.compare(f"edge, a POST, {kind}", [checked] * REQUESTS, [checked] * REQUESTS)


@pytest.mark.postgresql
async def test_the_edge_costs_little_cpu_when_each_request_is_drawn_from_the_database(tmp_path: Path) -> None:
    async with _edge("postgresql", tmp_path, HUITOU_RATE_CUSTOMER_PER_MINUTE=str(QUOTA)) as edge:
        customers = [new_id("cus") for _ in range(CUSTOMERS)]
        reads = [
            request("GET", f"{serving.CONSTANT}/{customer}", edge.token(customer)) for customer in customers
        ]
        await edge.compare("edge, a GET drawn singly, postgresql", reads, reads)


def worked(pid: int) -> float:
    """Return the seconds for which a process has had a core."""
    return int(Path(f"/proc/{pid}/schedstat").read_text().split()[0]) * NANOSECONDS


@asynccontextmanager
async def _edge(kind: databases.Kind, folder: Path, **variables: str) -> AsyncIterator[Edge]:
    ensure_signing_key(folder)
    async with databases.fresh(kind, "loyalty", folder=folder) as database:
        base = free_port_base(6)
        environment = {
            "HUITOU_HOME": str(folder),
            "HUITOU_PORT_BASE": str(base),
            "HUITOU_LOYALTY_DATABASE_URL": database.url,
            **variables,
        }
        ready = [f"http://127.0.0.1:{base + 2}"]
        command = ["-m", "tests.bench.serving", "loyalty", str(folder)]
        with running(command, environment, ready, folder / "serving.log") as server:
            ours = Callers(base + 2, CONNECTIONS)
            bare = Callers(base + serving.BARE_OFFSET, CONNECTIONS)
            yield Edge(server.pid, ours, bare, folder)
            ours.close()
            bare.close()
