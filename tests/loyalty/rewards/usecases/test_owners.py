"""Claims while their lots expire, while debts are paid, and while their member is merged, parted and erased."""

from __future__ import annotations

from datetime import timedelta

import pytest

from services.loyalty.ledger.refusals import UnknownMember
from services.loyalty.rewards.refusals import RewardLimitReached
from tests.loyalty.checkout.usecases.test_owners import MONTH, expiring
from tests.loyalty.rewards.catalogue import cancel, claim, fulfil, give_back, put
from tests.loyalty.shop import START, Shop, bought, customer, erased, merged, returned


async def two_members(shop: Shop) -> tuple[str, str]:
    first, second = customer(), customer()
    await shop.tell(*(bought(member, [(1, 4_000)], START) for member in (first, second)))
    return first, second


async def test_points_go_back_to_lots_that_have_expired_or_not(shop: Shop) -> None:
    await expiring(shop)
    member = customer()
    await shop.tell(bought(member, [(1, 2_000)], START))
    shop.clock.advance(timedelta(days=10))
    await shop.tell(bought(member, [(1, 2_000)], shop.clock.now()))
    await put(shop, "mug")  # 20 points of the first lot, 10 of the second one
    row_id = await claim(shop, member, "mug")
    shop.clock.advance(MONTH - timedelta(days=5))

    assert await shop.active(member) == 10
    await cancel(shop, row_id)
    assert await shop.active(member) == 20
    shop.clock.advance(MONTH)
    assert await shop.active(member) == 0
    await shop.check()


async def test_points_that_come_back_pay_what_the_member_owes(shop: Shop) -> None:
    member = customer()
    purchase = bought(member, [(1, 3_000)], START)
    await shop.tell(purchase)
    await put(shop, "mug")
    row_id = await claim(shop, member, "mug")
    await shop.tell(returned(purchase, [(1, 1, 1)]))

    assert await shop.active(member) == -30
    await fulfil(shop, row_id)
    await give_back(shop, row_id)
    assert await shop.active(member) == 0
    await shop.check()


@pytest.mark.both_databases
async def test_a_claim_of_merged_members_is_undone_after_they_are_parted(shop: Shop) -> None:
    """It was paid from the lots of both, and each gets their own points back."""
    first, second = await two_members(shop)
    await put(shop, "mug", price={"points": 70}, stock=1)
    await shop.tell(merged(first, second, 1, START))
    row_id = await claim(shop, first, "mug")
    await shop.tell(merged(first, first, 2, START))

    assert [await shop.active(member) for member in (first, second)] == [0, 10]
    await cancel(shop, row_id)
    assert [await shop.active(member) for member in (first, second)] == [40, 40]
    assert [event["points"] for event in await shop.told("loyalty.points_redeemed.v1")] == [40, 30]
    await shop.check()


async def test_the_limit_is_that_of_all_identities_of_a_member(shop: Shop) -> None:
    first, second = await two_members(shop)
    await put(shop, "seat", price={"points": 1}, limit={"claims": 1, "period": "lifetime"})
    claims = [await claim(shop, member, "seat") for member in (first, second)]
    await shop.tell(merged(first, second, 1, START))

    with pytest.raises(RewardLimitReached):
        await claim(shop, first, "seat")
    await cancel(shop, claims[0])
    with pytest.raises(RewardLimitReached):
        await claim(shop, first, "seat")
    await shop.tell(merged(first, first, 2, START))
    await claim(shop, first, "seat")
    await shop.check()


async def test_claims_of_an_erased_customer_are_undone_and_not_told(shop: Shop) -> None:
    first, second = await two_members(shop)
    await put(shop, "mug", stock=2)
    row_id = await claim(shop, first, "mug")
    await shop.tell(erased(first, START))

    with pytest.raises(UnknownMember):
        await claim(shop, first, "mug")
    await fulfil(shop, row_id)
    await give_back(shop, row_id)
    for name in ("fulfilled", "returned"):
        assert await shop.told(f"loyalty.reward_{name}.v1") == []
    await claim(shop, second, "mug")
    await shop.check()


async def test_a_clock_that_is_behind_does_not_make_a_claim_exceed_the_limit(shop: Shop) -> None:
    """One process cancels, and another one, whose clock is behind, claims again."""
    first, _ = await two_members(shop)
    await put(shop, "seat", price={"points": 1}, limit={"claims": 1, "period": "lifetime"})
    shop.clock.advance(timedelta(seconds=5))
    row_id = await claim(shop, first, "seat")
    await cancel(shop, row_id)
    shop.clock.advance(-timedelta(seconds=3))
    await claim(shop, first, "seat")
    await shop.check()
