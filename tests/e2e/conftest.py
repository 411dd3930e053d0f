"""The product, run for real in each way there is, and spoken to by HTTP alone."""

import asyncio
import os
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

import httpx2
import pytest

from huitou.settings import SERVICES
from tests.e2e.shop import Shop
from tests.parts import databases, kafka, servers, services
from tests.parts.distributed import DistributedStack
from tests.parts.embedded import EmbeddedStack
from tests.parts.processes import free_port_base
from tests.parts.stacks import GivenStack, Stack

PORTS = 5
ANSWER_SECONDS_MAX = 20.0
GIVEN = os.environ.get("E2E_URLS", "")


@pytest.fixture(
    scope="session",
    params=["given"]
    if GIVEN
    else ["embedded", pytest.param("distributed", marks=[pytest.mark.kafka, pytest.mark.postgresql])],
)
def stack(request: pytest.FixtureRequest) -> Iterator[Stack]:
    """The running product: E2E_URLS, or one of our own in each way."""
    match request.param:
        case "given":
            yield GivenStack(GIVEN)
        case "embedded":
            embedded = EmbeddedStack().start()
            yield embedded
            embedded.close()
        case _:
            broker = servers.broker()
            if not broker.real:
                pytest.skip("the distributed product needs a real Kafka")
            asyncio.run(kafka.clear(broker.servers, services.topics()))
            distributed = DistributedStack(
                databases.postgres(), broker, port_base=free_port_base(PORTS)
            ).start()
            yield distributed
            distributed.close()


@pytest.fixture
async def shop(stack: Stack) -> AsyncIterator[Shop]:
    """Clients of the running product."""
    async with _clients(stack) as clients:
        yield Shop(stack, clients)


@asynccontextmanager
async def _clients(stack: Stack) -> AsyncIterator[dict[str, httpx2.AsyncClient]]:
    clients = {
        name: httpx2.AsyncClient(base_url=stack.address(name), timeout=ANSWER_SECONDS_MAX)
        for name in SERVICES
    }
    yield clients
    for client in clients.values():
        await client.aclose()
