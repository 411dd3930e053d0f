"""Clients that buy, bring back, complain and spend their points, and ask again with the same key until they are answered."""

import asyncio
import time
import uuid
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime, timedelta
from random import Random

import httpx2

from tests.chaos.journal import Asked, Body, Journal, Kind
from tests.chaos.promises import Promises
from tests.chaos.spending import Spender, Way
from tests.parts import stacks
from tests.parts.stacks import Stack

ANSWER_SECONDS_MAX = 20.0
AGAIN_SECONDS = 0.3
THINK_SECONDS_MAX = 0.25
OWED_SHARE = 0.3
"""How often a client does something of which nothing was accepted yet, if there is such a thing."""
OWN_CUSTOMERS = 5
SHARED_CUSTOMERS = 3
TOO_MANY = 429
FULL = "answered disk_full"
"""The count of answers that say so."""


class Client:
    """One storefront: its own customers, some that all clients share, one request after another."""

    def __init__(
        self, name: str, stack: Stack, journal: Journal, random: Random, promises: Promises | None = None
    ) -> None:
        """Shop at the stack; without `promises` nothing is asked that the promises of a round are needed for."""
        self.promises = promises
        self.name, self.stack, self.journal, self.random = name, stack, journal, random
        self._headers = stacks.operator(stack, "admin")
        self._http = httpx2.AsyncClient(timeout=ANSWER_SECONDS_MAX)
        self.orders: list[Asked] = []
        self._returns: list[Asked] = []
        self._complaints: list[Asked] = []
        self._number = 0
        self._spender = Spender(self)
        self.hurried = asyncio.Event()
        """Set when the load is over: what was asked is still asked until it is answered, nothing new is begun."""

    async def run(self, stopping: asyncio.Event) -> None:
        """Shop until told to stop; what was begun is finished."""
        while not stopping.is_set():
            try:
                async with self.journal.gate.working():
                    self._forget()
                    await self._choose()()
            except asyncio.CancelledError:
                raise
            await asyncio.sleep(self.random.random() * THINK_SECONDS_MAX)

    async def close(self) -> None:
        """Disconnect."""
        await self._http.aclose()

    async def buy(self, customer: str | None = None) -> Asked:
        """A new purchase."""
        asked = await self.ask("purchase", "profile", "/v1/purchases", self.order(customer))
        if asked.done:
            self.orders.append(asked)
        return asked

    def _choose(self) -> Callable[[], Awaitable[object]]:
        """Choose what is done next, often of a kind that was never accepted in this round."""
        ways, owed = self._ways(), self.journal.owed()
        if self.random.random() < OWED_SHARE:
            ways = [way for way in ways if owed.intersection(way[1])] or ways
        return self.random.choices([does for _, _, does in ways], [weight for weight, _, _ in ways])[0]

    def _ways(self) -> Sequence[Way]:
        return (
            (40, ("purchase",), self.buy), (8, (), self._buy_again), (4, (), self._buy_twice_at_once),
            (14, ("return",), self._bring_back), (4, (), self._bring_back_again), (5, (), self._bring_back_before),
            (6, (), self._buy_ahead), (12, ("redemption",), self._redeem), (5, ("adjustment",), self._adjust),
            (3, ("complaint",), self._complain), (5, ("remedy",), self._make_good),
            *self._spender.ways(),
        )  # fmt: skip

    def _forget(self) -> None:
        """Ask nothing more about what a service has lost: it is told that as something new."""
        lost = [request for request in self.journal.asked if self.journal.is_lost(request)]
        orders = {request.body["order_id"] for request in lost if request.service == "profile"}
        self.orders = [order for order in self.orders if order.body["order_id"] not in orders]
        self._returns = [back for back in self._returns if back.body["order_id"] not in orders]
        self._complaints = [complaint for complaint in self._complaints if complaint not in lost]
        self._spender.forget()

    async def _buy_again(self) -> None:
        if self.orders:
            await self.repeat(self.random.choice(self.orders))

    async def _buy_twice_at_once(self) -> None:
        order = self.order(None)
        twins = await asyncio.gather(
            *(self.ask("purchase", "profile", "/v1/purchases", order) for _ in range(2))
        )
        if len({twin.answer.get("id") for twin in twins}) != 1:
            self.journal.breaks(f"two purchases of one order: {[twin.answer for twin in twins]}")
        self.journal.counts["repeats"] += 1
        self.orders.append(twins[0])

    async def _bring_back(self) -> None:
        if self.orders:
            order = self.random.choice(self.orders)
            returned = await self.ask("return", "profile", "/v1/returns", self._return(order.body))
            if returned.done:
                self._returns.append(returned)

    async def _bring_back_again(self) -> None:
        if self._returns:
            await self.repeat(self.random.choice(self._returns))

    async def _bring_back_before(self) -> None:
        order = self.order(None)
        early = await self.ask("return", "profile", "/v1/returns", self._return(order))
        if early.status != httpx2.codes.ACCEPTED:
            self.journal.breaks(f"a return before its purchase was answered {early.status}: {early.answer}")
        self.orders.append(await self.ask("purchase", "profile", "/v1/purchases", order))

    async def _buy_ahead(self) -> None:
        if self.promises is not None:
            order = self.order(None) | {"purchased_at": self.promises.dated(self.random)}
            self.orders.append(await self.ask("purchase", "profile", "/v1/purchases", order))

    async def _redeem(self) -> None:
        if self.orders:
            path = f"/v1/members/{self.random.choice(self.orders).answer['customer_id']}/redemptions"
            body: Body = {"points": self.random.randint(1, 150), "reference": "A mug"}
            await self.ask("redemption", "loyalty", path, body)

    async def _adjust(self) -> None:
        if self.orders:
            path = f"/v1/members/{self.random.choice(self.orders).answer['customer_id']}/adjustments"
            points = self.random.choice([-30, -7, 5, 40])
            await self.ask("adjustment", "loyalty", path, {"points": points, "reason": "By hand"})

    async def _complain(self) -> None:
        if self.orders:
            order = self.random.choice(self.orders)
            body = {
                "customer": {"id": order.answer["customer_id"]},
                "channel": "web",
                "title": "It leaks",
                "body": "From the first day on.",
                "order": {"source": order.body["source"], "order_id": order.body["order_id"]},
            }
            complaint = await self.ask("complaint", "feedback", "/v1/complaints", body)
            if complaint.done:
                self._complaints.append(complaint)

    async def _make_good(self) -> None:
        if self._complaints:
            path = f"/v1/complaints/{self.random.choice(self._complaints).answer['id']}/remedies"
            body = {"kind": "points", "points": self.random.randint(1, 90), "reason": "The leak"}
            await self.ask("remedy", "feedback", path, body)

    async def repeat(self, first: Asked) -> None:
        """Tell the same fact again, sometimes with the same key: the first answer must come again."""
        key = first.key if self.random.random() < 0.5 else uuid.UUID(int=self.random.getrandbits(128)).hex
        again = Asked(first.kind, first.service, first.path, first.body, key, time.monotonic())
        self.journal.repeated.append(again)
        await self._until_answered(again)
        self.journal.counts["repeats"] += 1
        if not again.done or again.answer["id"] != first.answer["id"]:
            self.journal.breaks(
                f"a repeated {first.kind} was answered {again.status} {again.answer}, at first {first.answer}"
            )

    async def ask(self, kind: Kind, service: str, path: str, body: Body) -> Asked:
        key = uuid.UUID(int=self.random.getrandbits(128)).hex
        asked = self.journal.begin(kind, service, path, body, key)
        await self._until_answered(asked)
        return asked

    async def _until_answered(self, asked: Asked) -> None:
        """Send with the same key until there is an answer that is one."""
        headers = {**self._headers, "Idempotency-Key": asked.key}
        url = f"{self.stack.address(asked.service)}{asked.path}"
        while not asked.status:
            try:
                answer = await self._http.post(url, json=asked.body, headers=headers)
            except httpx2.TransportError:
                asked.unanswered += 1
                self.journal.counts["unanswered"] += 1
                await asyncio.sleep(AGAIN_SECONDS)
                continue
            if not await self._is_to_come(asked, answer):
                asked.answer, asked.status = dict(answer.json()), answer.status_code
                asked.answered_at = time.monotonic()

    async def _is_to_come(self, asked: Asked, answer: httpx2.Response) -> bool:
        """Whether the request has to be sent again; broken promises are written down."""
        status = answer.status_code
        self.journal.counts[f"answered {status}"] += 1
        if status == httpx2.codes.SERVICE_UNAVAILABLE and answer.json().get("code") == "disk_full":
            self.journal.counts[FULL] += 1
        self.journal.counts["stored answers"] += "Idempotency-Hit" in answer.headers
        waits = answer.headers.get("Retry-After", "")
        in_progress = status == httpx2.codes.CONFLICT and answer.json()["code"] == "request_in_progress"
        if status < httpx2.codes.INTERNAL_SERVER_ERROR and status != TOO_MANY and not in_progress:
            return False
        if status > httpx2.codes.CONFLICT and (status not in (503, TOO_MANY) or not waits.isdecimal()):
            self.journal.breaks(f"{asked.kind} was answered {status} (Retry-After {waits!r}): {answer.text}")
        await asyncio.sleep(AGAIN_SECONDS)
        return True

    def order(self, customer: str | None) -> Body:
        self._number += 1
        random = self.random
        is_shared = random.random() < 0.2
        own = f"{self.name}-{random.randrange(OWN_CUSTOMERS)}"
        buyer = f"shared-{random.randrange(SHARED_CUSTOMERS)}" if is_shared else own
        days = random.choice([0, 1, 30, 200, 300, 500, 700])
        at = datetime.now(UTC) - timedelta(days=days, seconds=random.randrange(1, 80_000))
        return {
            "source": "chaos",
            "order_id": f"{self.name}-{self._number}",
            "purchased_at": at.isoformat(),
            "customer": {"external_id": customer or buyer},
            "currency": "USD" if random.random() < 0.04 else "CNY",
            "lines": [
                {
                    "sku": f"S{random.randrange(30)}",
                    "quantity": random.choice([1, 1, 2, 3, 7]),
                    "amount_minor": random.choice([0, random.randrange(60_000), random.randrange(900)]),
                }
                for _ in range(random.randint(1, 3))
            ],
        }

    def _return(self, order: Body) -> Body:
        self._number += 1
        number = self.random.randrange(len(order["lines"])) + 1
        most = order["lines"][number - 1]["quantity"]
        return {
            "source": order["source"],
            "return_id": f"{self.name}-r{self._number}",
            "order_id": order["order_id"],
            "returned_at": datetime.now(UTC).isoformat(),
            "lines": [{"line": number, "quantity": self.random.choice([1, most])}],
        }
