"""The address of a client behind a proxy: believed of the proxies that the settings name, and of nobody else."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx2
import pytest
from pydantic import ValidationError

from shared.run import roles, serving
from shared.settings import in_words
from tests.parts.till import Settings, open_till

SALES = "/v1/customers/cus_a/sales"
CLIENTS = ("192.0.2.1", "192.0.2.2", "2001:db8::1")


@asynccontextmanager
async def served(folder: Path, proxies: str) -> AsyncIterator[httpx2.AsyncClient]:
    """Serve a till on a port, with one request per minute for an address without a valid token."""
    settings = {"rate_address_per_minute": 1, "trusted_proxies": proxies, "drain_seconds": 0.0}
    async with open_till(folder, "sqlite", **settings) as till:
        listener, stopping = serving.listen("127.0.0.1", 0), asyncio.Event()
        address = f"http://127.0.0.1:{listener.getsockname()[1]}"
        running = asyncio.create_task(
            roles.run(till.service, till.runtime, {"serve"}, stopping, app=till.app, listener=listener)
        )
        async with httpx2.AsyncClient(base_url=address) as client:
            yield client
        stopping.set()
        await running


async def statuses(client: httpx2.AsyncClient) -> list[int]:
    """Ask for each client in turn, twice, as a proxy passes it on: each names itself, and the proxy adds what it sees."""
    forwarded = [{"X-Forwarded-For": f"203.0.113.{turn}, {name}"} for turn in range(2) for name in CLIENTS]
    return [(await client.get(SALES, headers=headers)).status_code for headers in forwarded]


@pytest.mark.parametrize("proxies", ["127.0.0.1", "10.0.0.1, 127.0.0.0/8"])
async def test_behind_a_trusted_proxy_each_client_has_its_own_limit(proxies: str, tmp_path: Path) -> None:
    async with served(tmp_path, proxies) as client:
        assert await statuses(client) == [401, 401, 401, 429, 429, 429]


@pytest.mark.parametrize("proxies", ["", "10.0.0.0/8"])
async def test_nobody_elses_word_for_an_address_is_taken(proxies: str, tmp_path: Path) -> None:
    async with served(tmp_path, proxies) as client:
        assert await statuses(client) == [401, 429, 429, 429, 429, 429]


@pytest.mark.parametrize("proxies", ["*", "proxy.example", "10.0.0.1/8", "10.0.0.1;10.0.0.2"])
def test_a_proxy_that_is_no_address_is_refused_with_a_sentence(proxies: str) -> None:
    with pytest.raises(
        ValidationError, match=r"is not an address or a network such as 10\.0\.0\.0/8"
    ) as refused:
        Settings(trusted_proxies=proxies)
    assert "不是地址，也不是网络" in in_words(refused.value).zh
