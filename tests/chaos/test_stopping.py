"""SIGTERM under load: nobody notices. A hundred requests a second, some on connections that are kept, some on fresh ones."""

import asyncio
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx2
import pytest
from sqlalchemy import func, select

from shared.db import open_database
from shared.outbox.tables import outbox
from tests.chaos import steady
from tests.parts import stacks, waiting
from tests.parts.distributed import DistributedStack
from tests.parts.embedded import EmbeddedStack
from tests.parts.kafka import ApacheKafka
from tests.parts.postgres import Postgres
from tests.parts.processes import Server, free_port_base

pytestmark = [pytest.mark.timeout(400)]

PER_SECOND = 100.0
PACE_MIN = 0.4
"""The part that has to be reached of the pace that was reached before anything was told to stop, in the same run. How much a
busy machine gives is no property of the product, but that a stop must not bring the load to a halt is."""
UNDER_WAY_MIN = 5.0
"""Requests a second below which next to nothing would be under way when something is told to stop."""
EXIT_SECONDS_MAX = 25.0
WARM_SECONDS = 3.0
GRACE_SECONDS = 5.0
"""The default of HUITOU_DRAIN_SECONDS, which the tests' environment sets to 0 for all others."""
PORTS = 5
LAST = 20
"""Purchases answered last, which are looked up after the restart."""
BEHIND = ("profile serve", "profile relay", "loyalty consume 1", "loyalty consume 2")


@pytest.mark.kafka
async def test_edges_are_restarted_one_after_the_other_and_no_request_fails(
    prepared: DistributedStack,
) -> None:
    with _edges(prepared, 2) as edges:
        addresses = list(edges)
        await _all_ready(edges)
        balancer = steady.Balancer(addresses)
        load = steady.Load(balancer.pick, _token(prepared), per_second=PER_SECOND, mark="rolling")
        exits, paces = [], list[float]()
        async with steady.running(load, balancer) as told:
            for address, edge in edges.items():
                paces.append(await _warm(told))
                exits.append(await _ended(edge))
                assert edge.exit_code == 0
                edge.start()
                await _all_ready({address: edge})
            await asyncio.sleep(WARM_SECONDS)

    _say(f"exits {exits}, {_pace(told, paces[0])}, {told.statuses}, {told.by_address}")
    assert told.failed == {}
    _kept_its_pace(told, paces[0])
    assert max(exits) <= EXIT_SECONDS_MAX
    assert min(told.by_address.values()) > 0


@pytest.mark.kafka
async def test_an_edge_that_stands_alone_answers_whatever_it_has_let_in(
    prepared: DistributedStack,
) -> None:
    with _edges(prepared, 1) as edges:
        await _all_ready(edges)
        await _stop_alone(edges, prepared, mark="alone")


async def test_the_embedded_product_answers_whatever_it_has_let_in(embedded: EmbeddedStack) -> None:
    await _stop_alone({embedded.address("profile"): embedded.server}, embedded, mark="embedded")


@pytest.mark.kafka
async def test_relays_and_consumers_finish_what_they_have_begun(prepared: DistributedStack) -> None:
    for name in BEHIND:
        prepared.add(name)
    address = prepared.address("profile")
    await _all_ready({address: prepared.servers["profile serve"]})
    load = steady.Load(lambda: address, _token(prepared), per_second=PER_SECOND, mark="behind")
    exits, paces = [], list[float]()
    async with steady.running(load) as told:
        for name in ("loyalty consume 1", "loyalty consume 2"):
            paces.append(await _warm(told))
            exits.append(await _ended(prepared.servers[name]))
    exits.append(await _ended(prepared.servers["profile relay"]))

    _say(f"exits {exits}, {_pace(told, paces[0])}, {told.statuses}")
    assert told.failed == {}
    _kept_its_pace(told, paces[0])
    assert max(exits) <= EXIT_SECONDS_MAX
    assert [prepared.servers[name].exit_code for name in BEHIND[1:]] == [0, 0, 0]
    assert await _pending(prepared, "profile") == 0


@pytest.mark.kafka
async def test_everything_ends_in_time_though_broker_and_database_hang(distributed: DistributedStack) -> None:
    kafka, postgres = distributed.kafka, distributed.postgres
    assert isinstance(kafka, ApacheKafka)
    assert isinstance(postgres, Postgres)
    address = distributed.address("profile")
    load = steady.Load(lambda: address, _token(distributed), per_second=PER_SECOND, mark="hung")
    servers = {name: server for name, server in distributed.servers.items() if name != "console"}
    try:
        async with steady.running(load):
            await asyncio.sleep(WARM_SECONDS)
            kafka.freeze()
            await asyncio.sleep(WARM_SECONDS)
            postgres.hang()
            exits = await asyncio.gather(*map(_ended, servers.values()))
    finally:
        postgres.cont()
        kafka.cont()

    _say(f"hung: {dict(zip(servers, [round(seconds, 1) for seconds in exits], strict=True))}")
    assert max(exits) <= EXIT_SECONDS_MAX
    assert {server.exit_code for server in servers.values()} == {0}


async def _stop_alone(
    edges: dict[str, Server], stack: DistributedStack | EmbeddedStack, *, mark: str
) -> None:
    ((address, edge),) = edges.items()
    load = steady.Load(lambda: address, _token(stack), per_second=PER_SECOND, mark=mark)
    async with steady.running(load) as told:
        pace = await _warm(told)
        seconds = await _ended(edge)
    assert edge.exit_code == 0
    edge.start()
    await _all_ready(edges)
    async with httpx2.AsyncClient(headers=_token(stack)) as client:
        last = list(told.bought.values())[-LAST:]
        read = [
            (await client.get(f"{address}/v1/purchases/{purchase_id}")).status_code for purchase_id in last
        ]

    _say(f"exit {seconds:.1f} s, {_pace(told, pace)}, {told.statuses}, {told.broken}")
    assert all(failure.startswith("ConnectError") for failure in told.failed), told.failed
    _kept_its_pace(told, pace)
    assert seconds <= EXIT_SECONDS_MAX
    assert read == [httpx2.codes.OK] * LAST


async def _warm(told: steady.Told) -> float:
    """Let the load run for a while, and return how many requests a second this machine lets it make."""
    before = told.count
    await asyncio.sleep(WARM_SECONDS)
    return (told.count - before) / WARM_SECONDS


def _kept_its_pace(told: steady.Told, pace: float) -> None:
    """Assert that there was a load, and that it went on while something stopped."""
    assert pace >= UNDER_WAY_MIN, f"only {pace:.0f} requests/s"
    assert told.per_second >= PACE_MIN * pace, _pace(told, pace)


def _pace(told: steady.Told, pace: float) -> str:
    return f"{told.per_second:.0f} requests/s, {pace:.0f}/s before the stop"


@contextmanager
def _edges(stack: DistributedStack, count: int) -> Iterator[dict[str, Server]]:
    """So many edges of profile, each on a port of its own; by address."""
    edges = {}
    for number in range(count):
        base = free_port_base(PORTS)
        edges[stacks.local_addresses(base)["profile"]] = server = stacks.python(
            f"profile edge {number}",
            "services.profile",
            "serve",
            log=Path(stack.folder, f"profile-edge-{number}.log"),
            environment={
                **stack.environment,
                "HUITOU_PORT_BASE": str(base),
                "HUITOU_DRAIN_SECONDS": str(GRACE_SECONDS),
            },
        )
        server.start()
    try:
        yield edges
    finally:
        for server in edges.values():
            server.end(signal.SIGKILL, seconds_max=stacks.STOP_SECONDS_MAX)


async def _ended(server: Server) -> float:
    """Tell it to stop, and say after how many seconds it was gone."""
    began = time.monotonic()
    await asyncio.to_thread(server.end, signal.SIGTERM, seconds_max=2 * EXIT_SECONDS_MAX)
    return time.monotonic() - began


async def _all_ready(edges: dict[str, Server]) -> None:
    async with httpx2.AsyncClient() as client:
        for address in edges:

            async def is_ready(address: str = address) -> bool:
                return await stacks.is_ready(client, address)

            await waiting.until(is_ready, seconds_max=stacks.START_SECONDS_MAX, what=f"{address} is ready")


async def _pending(stack: DistributedStack, service: str) -> int:
    database = open_database(stack.databases[service])
    try:
        async with database.read() as read:
            pending = select(func.count()).select_from(outbox).where(outbox.c.published_at.is_(None))
            return await read.scalar(pending) or 0
    finally:
        await database.close()


def _say(figures: str) -> None:
    print(f"\n{figures}")  # noqa: T201 - the figures are what it is run for


def _token(stack: DistributedStack | EmbeddedStack) -> dict[str, str]:
    return stacks.operator(stack, "admin")
