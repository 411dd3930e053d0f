"""A steady load: so many requests a second whatever becomes of them, through a balancer that asks who is ready."""

import asyncio
import itertools
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime

import httpx2

from tests.parts import stacks

CHECK_SECONDS = 1.0
"""How often a balancer looks: as ordinary ones do."""
ANSWER_SECONDS_MAX = 30.0
CONNECTIONS_MAX = 40
AT_ONCE_MAX = 16
"""Requests under way at a time: a machine that is too busy for the pace is not made busier still."""
CUSTOMERS = 40


class Balancer:
    """Sends to those that said they were ready when they were last asked, in turns."""

    def __init__(self, addresses: Sequence[str]) -> None:
        self._ready = list(addresses)
        self._addresses = list(addresses)
        self._turns = itertools.count()

    def pick(self) -> str:
        """The next address."""
        return self._ready[next(self._turns) % len(self._ready)]

    async def watch(self) -> None:
        """Ask each of them, again and again."""
        async with httpx2.AsyncClient() as client:
            while True:
                asked = await asyncio.gather(
                    *(stacks.is_ready(client, address) for address in self._addresses)
                )
                ready = [
                    address for address, is_ready in zip(self._addresses, asked, strict=True) if is_ready
                ]
                self._ready = ready or self._ready
                await asyncio.sleep(CHECK_SECONDS)


@dataclass(slots=True)
class Told:
    """What became of the requests."""

    statuses: Counter[int] = field(default_factory=Counter)
    broken: Counter[str] = field(default_factory=Counter)
    """Requests without an answer, by the error of the client."""
    by_address: Counter[str] = field(default_factory=Counter)
    bought: dict[str, str] = field(default_factory=dict)
    """The order and the purchase's id of every purchase that was answered."""
    seconds: float = 0.0

    @property
    def failed(self) -> dict[str, int]:
        """Everything that was not answered with success."""
        return {
            str(status): count for status, count in (self.statuses + Counter()).items() if status >= 300
        } | dict(self.broken)

    @property
    def count(self) -> int:
        """Requests of which something became."""
        return self.statuses.total() + self.broken.total()

    @property
    def per_second(self) -> float:
        """Requests a second."""
        return self.count / self.seconds


class Load:
    """Purchases and reads in turns, on connections that are kept and on fresh ones in turns."""

    def __init__(
        self, pick: Callable[[], str], token: dict[str, str], *, per_second: float, mark: str
    ) -> None:
        self._pick, self._token, self._every = pick, token, 1 / per_second
        self._mark = mark
        self._stopping = asyncio.Event()
        self._places = asyncio.Semaphore(AT_ONCE_MAX)
        self.told = Told()

    def stop(self) -> None:
        """Begin no further request."""
        self._stopping.set()

    async def run(self) -> None:
        """Send at the pace given until stopped, and wait for the last answer."""
        kept = httpx2.Limits(max_connections=None, max_keepalive_connections=CONNECTIONS_MAX)
        fresh = httpx2.Limits(max_connections=None, max_keepalive_connections=0)
        async with (
            httpx2.AsyncClient(headers=self._token, limits=kept, timeout=ANSWER_SECONDS_MAX) as keeping,
            httpx2.AsyncClient(headers=self._token, limits=fresh, timeout=ANSWER_SECONDS_MAX) as connecting,
            asyncio.TaskGroup() as group,
        ):
            began = due = time.monotonic()
            for number in itertools.count():
                if self._stopping.is_set():
                    break
                await self._places.acquire()
                client = keeping if number % 4 < 2 else connecting
                group.create_task(self._buy(client, number) if number % 2 else self._read(client))
                due = max(due + self._every, time.monotonic())
                await asyncio.sleep(due - time.monotonic())
            self.told.seconds = time.monotonic() - began

    async def _buy(self, client: httpx2.AsyncClient, number: int) -> None:
        order_id = f"{self._mark}-{number}"
        answer = await self._ask(client, "POST", "/v1/purchases", order(order_id, number % CUSTOMERS))
        if answer is not None and answer.is_success:
            self.told.bought[order_id] = answer.json()["id"]

    async def _read(self, client: httpx2.AsyncClient) -> None:
        await self._ask(client, "GET", "/v1/purchases?limit=3")

    async def _ask(
        self, client: httpx2.AsyncClient, method: str, path: str, body: dict[str, object] | None = None
    ) -> httpx2.Response | None:
        address = self._pick()
        try:
            answer = await client.request(method, address + path, json=body)
        except httpx2.TransportError as error:
            self.told.broken[f"{type(error).__name__}: {error}"] += 1
            return None
        finally:
            self._places.release()
        self.told.statuses[answer.status_code] += 1
        self.told.by_address[address] += 1
        return answer


@asynccontextmanager
async def running(load: Load, balancer: Balancer | None = None) -> AsyncIterator[Told]:
    """The load while the block runs; its end waits for the last answer."""
    async with asyncio.TaskGroup() as group:
        watching = group.create_task(balancer.watch()) if balancer is not None else None
        sending = group.create_task(load.run())
        yield load.told
        load.stop()
        await sending
        if watching is not None:
            watching.cancel()


def order(order_id: str, customer: int) -> dict[str, object]:
    """One purchase."""
    return {
        "source": "steady",
        "order_id": order_id,
        "purchased_at": datetime.now(UTC).isoformat(),
        "customer": {"external_id": f"steady-{customer}"},
        "currency": "CNY",
        "lines": [{"sku": "S", "quantity": 1, "amount_minor": 1_000}],
    }
