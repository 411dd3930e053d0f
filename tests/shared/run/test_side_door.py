"""A process that answers nobody's requests can be asked how it is, and what it does."""

import asyncio
import socket
from dataclasses import replace
from pathlib import Path

import httpx2

from shared.bus import open_bus
from shared.http.app import build_side_door
from shared.run import roles, serving
from tests.parts.till import open_till
from tests.parts.waiting import until

LED = 'huitou_relay_leader{service="till"} 1.0\n'


async def test_a_relay_says_that_it_leads_and_stops_at_once(tmp_path: Path) -> None:
    async with open_till(tmp_path, "sqlite") as till:
        listener = serving.listen("127.0.0.1", 0)
        address = f"http://127.0.0.1:{listener.getsockname()[1]}"
        app, stopping = build_side_door(till.service, till.runtime), asyncio.Event()
        running = asyncio.create_task(
            roles.run(till.service, till.runtime, {"relay"}, stopping, app=app, listener=listener)
        )
        async with httpx2.AsyncClient(base_url=address) as client:

            async def leads() -> bool:
                return LED in (await client.get("/metrics")).text

            await until(leads)
            ready, unknown = await client.get("/health/ready"), await client.get("/v1/customers/x/sales")
        stopping.set()
        async with asyncio.timeout(5):
            await running

    assert ready.json() == {"status": "ready"}
    assert unknown.status_code == 404


async def test_without_a_port_a_relay_runs_as_well(tmp_path: Path) -> None:
    async with open_till(tmp_path, "sqlite") as till:
        stopping = asyncio.Event()
        running = asyncio.create_task(roles.run(till.service, till.runtime, {"relay"}, stopping))

        async def led() -> bool:
            async with till.client() as client:
                return 'huitou_relay_led{service="till"} 1.0\n' in (await client.get("/metrics")).text

        await until(led)
        stopping.set()
        await running


async def test_a_relay_that_still_waits_for_a_silent_broker_stops_at_once(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        bus = open_bus(f"kafka://127.0.0.1:{silent.getsockname()[1]}", home=tmp_path)
        async with open_till(tmp_path, "sqlite") as till:
            stopping = asyncio.Event()
            runtime = replace(till.runtime, bus=bus)
            running = asyncio.create_task(roles.run(till.service, runtime, {"relay"}, stopping))
            silent.settimeout(10)
            connected, _ = await asyncio.to_thread(silent.accept)  # by now it waits for an answer
            stopping.set()
            async with asyncio.timeout(5):
                await running
            connected.close()
        await bus.close()
