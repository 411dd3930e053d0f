"""Many holds and commits at once on one code: exactly what fits, on both databases (T14)."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import replace
from datetime import timedelta

import pytest

from services.loyalty.checkout.usecases.hold_points import hold_points
from shared.errors import DomainError
from tests.loyalty.coupons.couponed import SPRING, WELCOME, cart, hold, made, open_coupons, save, uses
from tests.loyalty.redemptions.usecases.test_storms import Crowd
from tests.loyalty.shop import START, Shop, bought, customer
from tests.parts.sampling import limit

pytestmark = pytest.mark.both_databases
PARALLEL = limit(40, 500)


async def members(shop: Shop, number: int) -> list[str]:
    found = [customer() for _ in range(number)]
    await shop.tell(*(bought(member, [(1, 100)], START) for member in found))
    return found


async def hold_code(shop: Shop, member: str, code: str) -> int:
    asked = replace(shop.hold_asked(member, 0, ((1, 10_000),)), codes=(code,))
    async with shop.database.begin() as tx:
        return await hold_points(tx, shop.runtime.context, asked)


async def go(shop: Shop, crowd: Crowd, member: str, code: str, ends: str) -> str:
    try:
        row_id = await crowd.patiently(lambda: hold_code(shop, member, code))
        if ends == "cancel":
            await crowd.patiently(lambda: shop.cancel(row_id))
        else:
            await crowd.patiently(lambda: shop.commit(row_id, f"order-{row_id}"))
    except DomainError as refusal:
        return refusal.code
    return ends


@pytest.mark.parametrize("kind_of_coupon", ["generic", "unique"])
async def test_a_code_is_used_exactly_as_often_as_it_can_be(shop: Shop, kind_of_coupon: str) -> None:
    await open_coupons(shop)
    fits, crowd = PARALLEL * 2 // 3, Crowd(shop)
    if kind_of_coupon == "generic":
        await save(shop, "spring", SPRING, limits={"uses": fits})
        coupon, code = "spring", "SPRING10"
    else:
        await save(shop, "welcome", WELCOME, limits={"per_code": fits})
        coupon, (code,) = "welcome", await made(shop, "welcome", 1)
    crew = await members(shop, PARALLEL)
    answers = Counter(await asyncio.gather(*(go(shop, crowd, member, code, "commit") for member in crew)))

    assert answers == {"commit": fits, "code_refused": PARALLEL - fits}
    assert await uses(shop, coupon) == (fits, 0)
    await shop.check()


async def test_holds_commits_and_cancels_leave_what_the_claims_say(shop: Shop) -> None:
    await open_coupons(shop)
    await save(shop, "spring", SPRING, limits={"uses": PARALLEL // 2, "channels": {"web": 1}})
    crowd, crew = Crowd(shop), await members(shop, PARALLEL)
    ends = ["commit" if number % 2 else "cancel" for number in range(PARALLEL)]
    answers = Counter(
        await asyncio.gather(
            *(go(shop, crowd, member, "SPRING10", end) for member, end in zip(crew, ends, strict=True))
        )
    )

    assert answers.total() == PARALLEL
    assert await uses(shop, "spring") == (answers["commit"], 0)
    await shop.check()


async def test_one_of_those_who_need_the_room_of_a_hold_that_is_over_gets_it(shop: Shop) -> None:
    member = await open_coupons(shop)
    await save(shop, "welcome", WELCOME)
    (code,) = await made(shop, "welcome", 1)
    await hold(shop, cart(member, code, ttl_seconds=60))
    shop.clock.advance(timedelta(seconds=61))
    crowd, crew = Crowd(shop), await members(shop, 12)
    answers = Counter(await asyncio.gather(*(go(shop, crowd, buyer, code, "commit") for buyer in crew)))

    assert answers == {"commit": 1, "code_refused": 11}
    assert await uses(shop, "welcome") == (1, 0)
    await shop.check()
