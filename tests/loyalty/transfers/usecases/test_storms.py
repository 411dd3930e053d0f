"""Many gifts at once: no point comes out of nothing, whoever gives to whom (fuint 71: 20 gifts made 2,000 points of 100)."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from services.loyalty.ledger.refusals import InsufficientPoints
from services.loyalty.transfers.refusals import TransferLimitReached
from tests.loyalty.redemptions.usecases.test_storms import Crowd
from tests.loyalty.shop import START, Shop, bought, customer, registered
from tests.loyalty.transfers.allowed import allow_transfers

PARALLEL = 60
pytestmark = pytest.mark.both_databases


class Givers(Crowd):
    """Members who give at once."""

    def __init__(self, shop: Shop) -> None:
        super().__init__(shop)
        self.shop = shop

    async def give(self, sender: str, receiver: str, points: int) -> int:
        """The points that were given; 0 when there were not enough, or a limit was reached."""
        try:
            await self.patiently(lambda: self.shop.give(sender, receiver, points))
        except (InsufficientPoints, TransferLimitReached):
            return 0
        return points


async def test_of_many_gifts_exactly_as_many_succeed_as_the_balance_allows(shop: Shop) -> None:
    await allow_transfers(shop)
    ana, bo = customer(), customer()
    await shop.tell(bought(ana, [(1, 10_000)], START), registered(bo, START))
    crowd = Givers(shop)
    given = await asyncio.gather(*(crowd.give(ana, bo, 7) for _ in range(PARALLEL)))
    assert sum(given) == 100 // 7 * 7
    assert (await shop.active(ana), await shop.active(bo)) == (100 % 7, 100 // 7 * 7)
    await shop.check()


async def test_members_who_give_to_each_other_at_once_neither_wait_for_ever_nor_make_points(
    shop: Shop,
) -> None:
    await allow_transfers(shop)
    people = [customer() for _ in range(3)]
    await shop.tell(*(bought(person, [(1, 10_000)], START) for person in people))
    crowd = Givers(shop)
    await asyncio.gather(
        *(
            crowd.give(people[number % 3], people[(number + 1 + number % 2) % 3], 10 + number % 5)
            for number in range(PARALLEL)
        ),
        *(crowd.spend(people[number % 3], 1) for number in range(3)),
    )
    assert sum([await shop.active(person) for person in people]) == 300 - 3
    await shop.check()
    assert list(await shop.untold()) == []


async def test_a_limit_of_the_day_holds_for_gifts_at_once(shop: Shop) -> None:
    await allow_transfers(shop, day_points_max=50)
    ana, bo = customer(), customer()
    await shop.tell(bought(ana, [(1, 100_000)], START), registered(bo, START))
    crowd = Givers(shop)
    given = await asyncio.gather(*(crowd.give(ana, bo, 9) for _ in range(12)))
    assert sum(given) == await shop.active(bo) == 45
    shop.clock.advance(timedelta(days=1))
    assert await crowd.give(ana, bo, 9) == 9
    await shop.check()
