"""Many holds, commits and cancels at once on one wallet give exactly what fits (I2, I7)."""

from __future__ import annotations

import asyncio
import random
from collections import Counter

import pytest

from services.loyalty.checkout.refusals import (
    OPEN_HOLDS_MAX,
    HoldCancelled,
    HoldCommitted,
    OrderHasPoints,
    TooManyHolds,
)
from services.loyalty.ledger.refusals import InsufficientPoints
from tests.conftest import SEED
from tests.loyalty.redemptions.usecases.test_storms import Crowd
from tests.loyalty.shop import START, Shop, bought, customer
from tests.parts.sampling import limit

PARALLEL = limit(60, 500)
POINTS = 1_000


async def test_parallel_holds_commits_and_cancels_give_exactly_what_fits(shop: Shop) -> None:
    """Each visitor holds, then commits or cancels what it holds, twice at once; one of the two wins."""
    member, crowd, chance = customer(), Crowd(shop), random.Random(SEED)
    await shop.tell(bought(member, [(1, POINTS * 100)], START))
    fates = [(chance.randint(1, 40), chance.choice(("commit", "cancel", "both"))) for _ in range(PARALLEL)]
    spent, seen = Counter[str](), Counter[str]()

    async def end(row_id: int, verb: str, points: int, number: int) -> None:
        try:
            if verb == "commit":
                await crowd.patiently(lambda: shop.commit(row_id, f"A-{number}"))
                spent[str(number)] = points
            else:
                await crowd.patiently(lambda: shop.cancel(row_id))
            seen[verb] += 1
        except (HoldCommitted, HoldCancelled):
            seen["late"] += 1

    async def visit(number: int, points: int, fate: str) -> None:
        try:
            row_id = await crowd.patiently(lambda: shop.hold(member, points))
        except (InsufficientPoints, TooManyHolds) as refusal:
            seen[refusal.code] += 1
            return
        verbs = ["commit", "cancel"] if fate == "both" else [fate, fate]
        await asyncio.gather(*(end(row_id, verb, points, number) for verb in verbs))

    await asyncio.gather(*(visit(number, *fate) for number, fate in enumerate(fates)))

    balance = await shop.balance(member)
    assert (balance.active, balance.held) == (POINTS - sum(spent.values()), 0)
    told = [event["points"] for event in await shop.told("loyalty.points_redeemed.v1")]
    assert sorted(told) == sorted(spent.values())
    assert seen["commit"]
    assert seen["late"]
    await shop.check()


async def test_parallel_holds_take_what_is_there_and_no_more(shop: Shop) -> None:
    member, crowd = customer(), Crowd(shop)
    await shop.tell(bought(member, [(1, 10_000)], START))

    async def hold() -> str:
        try:
            await crowd.patiently(lambda: shop.hold(member, 9))
        except (InsufficientPoints, TooManyHolds) as refusal:
            return refusal.code
        return "held"

    fits = 100 // 9
    assert fits < OPEN_HOLDS_MAX
    answers = Counter(await asyncio.gather(*(hold() for _ in range(PARALLEL))))

    assert answers == {"held": fits, "insufficient_points": PARALLEL - fits}
    balance = await shop.balance(member)
    assert (balance.active, balance.held) == (100 - 9 * fits, 9 * fits)
    await shop.check()


@pytest.mark.parametrize("number", range(3))
async def test_of_a_commit_and_a_redemption_for_one_order_one_pays(shop: Shop, number: int) -> None:
    member, crowd = customer(), Crowd(shop)
    await shop.tell(bought(member, [(1, 10_000)], START))
    held = [await shop.hold(member, 10) for _ in range(3)]

    async def commit(row_id: int) -> int:
        try:
            await crowd.patiently(lambda: shop.commit(row_id, "A-1"))
        except OrderHasPoints:
            return 0
        return 10

    assert sum(await asyncio.gather(*(commit(row_id) for row_id in held))) == 10
    await shop.check()
