"""The product as a customer of it meets it: addresses and tokens, however it is run.

Two stacks of our own (`embedded`, `distributed`), each with every process a `Server` that can be killed, frozen and
started again; and one that somebody else runs, named in E2E_URLS.
"""

import asyncio
import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

import httpx2

from huitou import tokens
from huitou.settings import PORT_OFFSETS, SERVICES
from shared.auth import signing
from shared.auth.principal import Role
from shared.trust import authorities
from tests.parts.far_rates import FAR_RATES
from tests.parts.forks import ProductServer, Start
from tests.parts.processes import PartMissing, Server

ROOT = Path(__file__).resolve().parents[2]
START_SECONDS_MAX = 180.0
STOP_SECONDS_MAX = 30.0
LOOK_SECONDS = 0.1
ASK_SECONDS_MAX = 3.0


class Stack(Protocol):
    """A running product."""

    name: str
    home: Path
    """Its home folder: with the key that signs tokens."""
    environment: dict[str, str]
    """What its processes are started with; what its commands have to be started with."""

    def address(self, service: str) -> str:
        """Return the address of a service, such as http://127.0.0.1:8001."""
        ...

    def close(self) -> None:
        """End the product, and remove what was temporary."""
        ...


class GivenStack:
    """The product named in E2E_URLS (`profile=http://…,loyalty=…`), with its home in E2E_HOME. Tests must not end it."""

    name = "given"

    def __init__(self, urls: str) -> None:
        self._addresses = dict(pair.split("=", 1) for pair in urls.split(","))
        missing = set(SERVICES) - set(self._addresses)
        assert not missing, f"E2E_URLS lacks {sorted(missing)}: profile=http://…,loyalty=…"
        self.home = Path(os.environ.get("E2E_HOME", "var")).resolve()
        key = signing.signing_key_path(self.home)
        assert key.exists(), (
            f"E2E_HOME: {key} must be the key that signs the tokens of the product in E2E_URLS"
        )
        self.environment = {**os.environ, "HUITOU_HOME": str(self.home)}

    def address(self, service: str) -> str:
        return self._addresses[service].rstrip("/")

    def close(self) -> None:
        """Leave the product running."""


def environment(home: Path, port_base: int, more: Mapping[str, str]) -> dict[str, str]:
    """Return the environment of a product that the run starts, and that drains at once."""
    return settings(home, port_base, {"HUITOU_DRAIN_SECONDS": "0", **more})


def settings(home: Path, port_base: int, more: Mapping[str, str]) -> dict[str, str]:
    """Return the environment of a command. Of the run's own settings it has only what stands here."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("HUITOU_")}
    ours = {"PYTHONPATH": str(ROOT), "HUITOU_HOME": str(home), "HUITOU_PORT_BASE": str(port_base)}
    return inherited | FAR_RATES | ours | dict(more)


def python(name: str, module: str, *arguments: str, log: Path, environment: Mapping[str, str]) -> Server:
    """Return a process of the product, `python -m module arguments`, that is not started yet."""
    return ProductServer(name, Start(module, arguments, environment, out=log, err=log, folder=log.parent))


def local_addresses(port_base: int) -> dict[str, str]:
    """Return the addresses of the services of a stack on this machine, by name."""
    return {name: f"http://127.0.0.1:{port_base + offset}" for name, offset in PORT_OFFSETS.items()}


def operator(stack: Stack, role: Role) -> dict[str, str]:
    """Return the header with the token of an operator with this role."""
    return {"Authorization": f"Bearer {tokens.operator(stack.home, role, name='e2e')}"}


def customer(stack: Stack, customer_id: str) -> dict[str, str]:
    """Return the header with the token of a customer."""
    return {"Authorization": f"Bearer {tokens.customer(stack.home, customer_id)}"}


async def is_ready(client: httpx2.AsyncClient, address: str) -> bool:
    """Return whether a service reports that it is ready for requests."""
    try:
        return (await client.get(f"{address}/health/ready", timeout=ASK_SECONDS_MAX)).is_success
    except httpx2.TransportError:
        return False


async def wait_ready(addresses: Mapping[str, str], servers: Mapping[str, Server]) -> None:
    """Return when every service answers. Raises PartMissing with the end of its log when a process has ended."""
    deadline = time.monotonic() + START_SECONDS_MAX
    async with httpx2.AsyncClient(verify=authorities()) as client:
        for name in SERVICES:
            while not await is_ready(client, addresses[name]):
                for server in servers.values():
                    if not server.running:
                        raise PartMissing(f"{server.name} ended; the end of its log:\n{server.log_end()}")
                if time.monotonic() > deadline:
                    raise PartMissing(f"{name} was not ready within {START_SECONDS_MAX:.0f} s")
                await asyncio.sleep(LOOK_SECONDS)
