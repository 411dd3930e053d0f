"""Many at once on one wallet: no overdraft under any interleaving (I2)."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import httpx2
import pytest

from services.loyalty.ledger.refusals import InsufficientPoints
from services.loyalty.redemptions.refusals import OrderReturned
from shared.db import failures
from shared.db.postgres import CONNECTIONS_MAX
from tests.loyalty.shop import START, Shop, bought, customer, merged, registered, returned

PARALLEL = 200
IDENTICAL = 100
ORDERS = 30
TRIES_MAX = 50
WAIT_SECONDS = 0.05

Answer = TypeVar("Answer")


class Crowd:
    """Callers who are as many at once as there are connections: more would only queue for one, and time out.

    Who finds the database too busy all the same does it again, as after a 503; then nothing had been done.
    """

    def __init__(self, shop: Shop) -> None:
        self._shop = shop
        self._seats = asyncio.Semaphore(CONNECTIONS_MAX)

    async def patiently(self, work: Callable[[], Awaitable[Answer]]) -> Answer:
        async with self._seats:
            for _ in range(TRIES_MAX):
                try:
                    return await work()
                except Exception as error:
                    if not failures.is_transient(error):
                        raise
        raise AssertionError("too busy for too long")

    async def spend(self, member: str, points: int) -> int:
        """1 when the points were redeemed, 0 when there were not enough."""
        try:
            await self.patiently(lambda: self._shop.redeem(member, points))
        except InsufficientPoints:
            return 0
        return 1


async def test_of_200_redemptions_exactly_as_many_succeed_as_the_balance_allows(shop: Shop) -> None:
    member = customer()
    await shop.tell(bought(member, [(1, 100_000)], START))

    crowd = Crowd(shop)

    done = await asyncio.gather(*(crowd.spend(member, 7) for _ in range(PARALLEL)))

    assert sum(done) == 1_000 // 7
    assert await shop.active(member) == 1_000 % 7
    await shop.check()


async def repeated(client: httpx2.AsyncClient, path: str, body: dict[str, Any], key: str) -> httpx2.Response:
    """The answer to a request that is sent again, under its key, as long as it is told to come back later."""
    for _ in range(TRIES_MAX):
        answer = await client.post(path, json=body, headers={"Idempotency-Key": key})
        if answer.status_code != 503 and answer.json().get("code") != "request_in_progress":
            return answer
        assert int(answer.headers["retry-after"]) >= 1
        await asyncio.sleep(WAIT_SECONDS)
    raise AssertionError("too busy for too long")


async def test_of_200_redemptions_over_http_each_is_answered_by_what_it_did(shop: Shop) -> None:
    member = customer()
    await shop.tell(bought(member, [(1, 100_000)], START))
    client, path = shop.operator(), f"/v1/members/{member}/redemptions"

    answers = await asyncio.gather(
        *(repeated(client, path, {"points": 7}, f"key-{number}") for number in range(PARALLEL))
    )

    fits = 1_000 // 7
    assert Counter((answer.status_code, answer.json().get("code")) for answer in answers) == {
        (201, None): fits,
        (409, "insufficient_points"): PARALLEL - fits,
    }
    assert len({answer.json()["id"] for answer in answers if answer.is_success}) == fits
    assert sorted(answer.json()["points"]["active"] for answer in answers if answer.is_success) == [
        1_000 - 7 * number for number in range(fits, 0, -1)
    ]
    assert await shop.active(member) == 1_000 % 7
    await shop.check()


async def test_a_hundred_identical_redemptions_have_one_effect_and_one_answer(shop: Shop) -> None:
    member = customer()
    await shop.tell(bought(member, [(1, 100_000)], START))
    client, path = shop.customer(member), f"/v1/members/{member}/redemptions"

    answers = await asyncio.gather(
        *(repeated(client, path, {"points": 7}, "one-and-the-same") for _ in range(IDENTICAL))
    )

    assert {(answer.status_code, answer.content) for answer in answers} == {(201, answers[0].content)}
    assert sum("idempotency-hit" not in answer.headers for answer in answers) == 1
    assert await shop.active(member) == 1_000 - 7
    assert len(await shop.told("loyalty.points_redeemed.v1")) == 1
    await shop.check()


@pytest.mark.parametrize("units", [4, 1])
async def test_a_burn_beside_a_return_of_the_order_it_pays_costs_what_stayed_bought(
    shop: Shop, units: int
) -> None:
    """Whichever commits first: a return that comes second gives the points back, a burn that comes second is refused."""
    crowd, seen = Crowd(shop), Counter[bool]()

    async def one(number: int) -> None:
        member, lines = customer(), [(4, 8_000)]
        earned, paid = bought(member, [(1, 100_000)], START), bought(member, lines, START)
        await crowd.patiently(lambda: shop.tell(earned, paid))
        back = returned(paid, [(1, 5 - units, 4)])

        async def burn() -> bool:
            try:
                order = ("web", paid.order_id)
                await crowd.patiently(lambda: shop.redeem(member, 60, order, lines))
            except OrderReturned:
                return False
            return True

        async def bring_back() -> bool:
            await crowd.patiently(lambda: shop.tell(back))
            return True

        if number == 0:  # whoever the race lets win, each order is seen once
            burned = await bring_back() and await burn()
        elif number == 1:
            burned = await burn() and await bring_back()
        else:
            sides = [burn(), bring_back()]
            burned = all(await asyncio.gather(*(sides if number % 2 else reversed(sides))))
        stays = 4 - units
        assert await shop.active(member) == 1_000 + 20 * stays - (15 * stays if burned else 0)
        seen[burned] += 1

    await asyncio.gather(*(one(number) for number in range(ORDERS)))

    assert seen[True]
    assert seen[False]
    await shop.check()


async def test_redemptions_beside_purchases_and_merges_lose_and_double_nothing(shop: Shop) -> None:
    people, crowd = [customer() for _ in range(4)], Crowd(shop)
    await shop.tell(*(registered(member, START) for member in people))

    async def buy(number: int) -> int:
        purchases = [bought(people[(number + i) % 4], [(1, 1_000)], START) for i in range(4)]
        await crowd.patiently(lambda: shop.tell(*purchases))
        return 0

    async def join(number: int) -> int:
        who, owner = people[number % 3 + 1], people[0] if number % 2 else people[number % 3 + 1]
        move = merged(who, owner, number + 1, START)
        await crowd.patiently(lambda: shop.tell(move))
        return 0

    spent = await asyncio.gather(
        *(buy(number) for number in range(20)),
        *(join(number) for number in range(12)),
        *(crowd.spend(people[number % 4], 3) for number in range(60)),
    )

    for number, who in enumerate(people):
        await shop.tell(merged(who, who, 100 + number, START))
    assert sum([await shop.active(who) for who in people]) == 20 * 4 * 10 - 3 * sum(spent)
    await shop.check()
