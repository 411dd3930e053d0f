"""What a client does with points: holds, gifts, rewards and activities, and what ends or undoes each of them."""

from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from random import Random
from typing import Protocol

from tests.chaos.journal import Asked, Body, Journal, Kind
from tests.chaos.promises import CHECK_IN, MUG, SURVEY, TREE, Promises

SECONDS = (60, 60, 900)
"""For how long points are held. Many rounds are longer than the shortest of them."""


class Buyer(Protocol):
    """The client that buys what points are spent on."""

    name: str
    random: Random
    journal: Journal
    promises: Promises | None
    orders: list[Asked]

    async def ask(self, kind: Kind, service: str, path: str, body: Body) -> Asked:
        """Ask until it is answered."""
        ...

    async def repeat(self, first: Asked) -> None:
        """Tell a fact again."""
        ...

    def order(self, customer: str | None) -> Body:
        """Return a new order."""
        ...


Way = tuple[int, tuple[Kind, ...], Callable[[], Awaitable[object]]]
"""How often it is done beside the others, the kinds of request that it makes, and what is done."""


class Spender:
    """Spends the points of a buyer's customers."""

    def __init__(self, buyer: Buyer) -> None:
        self._buyer, self._random = buyer, buyer.random
        self._holds: list[tuple[Asked, Body]] = []
        """What is held and neither committed nor cancelled by us, with its order."""
        self._claims: list[Asked] = []
        self._activities: list[Asked] = []
        self._ended: list[Asked] = []
        """What may be told again as it is: the same step has the same answer."""

    def ways(self) -> Sequence[Way]:
        """Return everything that can be done."""
        return (
            (7, ("hold",), self._hold), (5, ("commit",), self._commit), (3, ("hold_cancellation",), self._cancel_hold),
            (5, ("transfer",), self._give), (5, ("reward_claim",), self._claim),
            (2, ("reward_cancellation",), self._cancel_claim),
            (2, ("reward_fulfilment", "reward_return"), self._fulfil_and_return),
            (8, ("activity",), self._act), (4, ("activity_reversal",), self._reverse), (3, (), self._again),
        )  # fmt: skip

    def forget(self) -> None:
        """Ask nothing more about what loyalty has lost."""
        is_lost = self._buyer.journal.is_lost
        self._holds = [held for held in self._holds if not is_lost(held[0])]
        for requests in (self._claims, self._activities, self._ended):
            requests[:] = [request for request in requests if not is_lost(request)]

    async def _hold(self) -> None:
        customer = self._customer()
        if customer is None:
            return
        order = self._buyer.order(customer.body["customer"]["external_id"])
        body: Body = {
            "customer_id": customer.answer["customer_id"],
            "currency": order["currency"],
            "lines": order["lines"],
            "points": self._random.randint(1, 150),
            "ttl_seconds": self._random.choice(SECONDS),
        }
        replaced = None
        if self._holds and self._random.random() < 0.2:
            replaced = self._random.choice(self._holds)
            body["replaces"] = replaced[0].answer["id"]
        held = await self._ask("hold", "/v1/holds", body)
        if held.done:
            self._holds.append((held, order))
            if replaced in self._holds:
                self._holds.remove(replaced)

    async def _commit(self) -> None:
        """Spend a hold on an order, whole or in part, and buy what is ordered."""
        taken = await self._some_hold()
        if taken is None:
            return
        held, order = taken
        body: Body = {"order": {"source": order["source"], "order_id": order["order_id"]}}
        if self._random.random() < 0.4:
            order = order | {"lines": self._some_of(order["lines"], body)}
        is_over = datetime.now(UTC) >= datetime.fromisoformat(held.answer["expires_at"])
        done = await self._ask("commit", f"/v1/holds/{held.answer['id']}/commit", body)
        if done.done and is_over:
            self._buyer.journal.breaks(f"a hold was committed after its time: {held} {done}")
        if done.done:
            self._ended.append(done)
            bought = await self._buyer.ask("purchase", "profile", "/v1/purchases", order)
            if bought.done:
                self._buyer.orders.append(bought)

    def _some_of(self, lines: Sequence[Body], body: Body) -> list[Body]:
        """Return some units of some lines, and name them in the commit."""
        kept, named = [], []
        picked = self._random.sample(range(len(lines)), self._random.randint(1, len(lines)))
        for number in picked:
            line = lines[number]
            quantity = self._random.randint(1, line["quantity"])
            named.append({"line": number + 1, "quantity": quantity})
            amount = line["amount_minor"] * quantity // line["quantity"]
            kept.append(line | {"quantity": quantity, "amount_minor": amount})
        body["lines"] = named
        return kept

    async def _cancel_hold(self) -> None:
        taken = await self._some_hold()
        if taken is not None:
            cancelled = await self._ask("hold_cancellation", f"/v1/holds/{taken[0].answer['id']}/cancel", {})
            if cancelled.done:
                self._ended.append(cancelled)

    async def _some_hold(self) -> tuple[Asked, Body] | None:
        if not self._holds:
            await self._hold()
        return self._holds.pop(self._random.randrange(len(self._holds))) if self._holds else None

    async def _give(self) -> None:
        giver, taker = self._customer(), self._customer()
        if giver is not None and taker is not None:
            body: Body = {"to": taker.answer["customer_id"], "points": self._random.randint(1, 60)}
            await self._ask("transfer", f"/v1/members/{giver.answer['customer_id']}/transfers", body)

    async def _claim(self) -> None:
        customer = self._customer()
        if customer is not None:
            body = {
                "customer_id": customer.answer["customer_id"], "reward": self._random.choice([MUG, MUG, TREE])
            }  # fmt: skip
            claimed = await self._ask("reward_claim", "/v1/reward-claims", body)
            if claimed.done:
                self._claims.append(claimed)

    async def _cancel_claim(self) -> None:
        claimed = await self._some_claim()
        if claimed is not None:
            await self._step(claimed, "cancel", "reward_cancellation")

    async def _fulfil_and_return(self) -> None:
        claimed = await self._some_claim()
        if claimed is not None:
            await self._step(claimed, "fulfil", "reward_fulfilment")
            await self._step(claimed, "return", "reward_return")

    async def _step(self, claimed: Asked, verb: str, kind: Kind) -> None:
        done = await self._ask(kind, f"/v1/reward-claims/{claimed.answer['id']}/{verb}", {})
        if not done.done:
            self._buyer.journal.breaks(f"a {kind} was answered {done.status}: {done.answer}")
        elif verb != "fulfil":  # a claim that was returned is no longer fulfilled
            self._ended.append(done)

    async def _some_claim(self) -> Asked | None:
        if not self._claims:
            await self._claim()
        return self._claims.pop(self._random.randrange(len(self._claims))) if self._claims else None

    async def _act(self) -> None:
        customer, promises = self._customer(), self._buyer.promises
        if customer is None or promises is None:
            return
        body = {
            "source": "chaos",
            "activity_id": f"{self._buyer.name}-a{self._random.getrandbits(60)}",
            "customer_id": customer.answer["customer_id"],
            "kind": self._random.choice([CHECK_IN, SURVEY, SURVEY]),
            "occurred_at": promises.dated(self._random),
        }
        told = await self._ask("activity", "/v1/activities", body)
        if told.done:
            self._activities.append(told)

    async def _reverse(self) -> None:
        if not self._activities:
            await self._act()
        if self._activities:
            told = self._activities.pop(self._random.randrange(len(self._activities)))
            undone = await self._ask("activity_reversal", f"/v1/activities/{told.answer['id']}/reverse", {})
            if not undone.done:
                self._buyer.journal.breaks(f"a reversal was answered {undone.status}: {undone.answer}")
            else:
                self._ended.append(undone)

    async def _again(self) -> None:
        """Repeat a step or tell an activity again, also with another key: it is the same fact."""
        told = [*self._ended, *self._activities]
        if told:
            await self._buyer.repeat(self._random.choice(told))

    def _customer(self) -> Asked | None:
        orders = self._buyer.orders
        return self._random.choice(orders) if orders else None

    async def _ask(self, kind: Kind, path: str, body: Body) -> Asked:
        return await self._buyer.ask(kind, "loyalty", path, body)
