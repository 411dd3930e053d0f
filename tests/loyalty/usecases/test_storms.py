"""Many at once on one wallet: no overdraft under any interleaving (I2)."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from services.loyalty.domain.burning import InsufficientPoints
from shared.db import failures
from shared.db.postgres import CONNECTIONS_MAX
from tests.loyalty.conftest import START
from tests.loyalty.shop import Shop, bought, customer, merged, registered

PARALLEL = 200
TRIES_MAX = 50

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


async def test_redemptions_beside_purchases_and_merges_lose_and_double_nothing(shop: Shop) -> None:
    people, crowd = [customer() for _ in range(4)], Crowd(shop)
    await shop.tell(*(registered(each, START) for each in people))

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
