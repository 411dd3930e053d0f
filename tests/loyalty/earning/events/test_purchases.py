"""Purchases and returns through the real consumer's transaction."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from services.loyalty.earning.events.overdue import END_OVERDUE_RETURNS
from shared.consume import set_aside
from tests.loyalty.shop import START, Shop, bought, customer, erased, returned, shuffled


async def test_a_purchase_earns_once_however_often_it_is_told(shop: Shop) -> None:
    buyer = customer()
    purchase = bought(buyer, [(2, 1_999), (1, 501)], START)

    await shop.tell(purchase, purchase)
    await shop.tell(purchase)

    assert await shop.active(buyer) == 25
    (earned,) = await shop.told("loyalty.points_earned.v1")
    assert (earned["points"], earned["cause"]) == (25, {"kind": "purchase", "id": purchase.purchase_id})
    await shop.check()


async def test_a_refund_takes_back_exactly_what_it_earned(shop: Shop) -> None:
    buyer = customer()
    kept, purchase = bought(buyer, [(1, 1_000)], START), bought(buyer, [(3, 1_000), (7, 2_345)], START)
    await shop.tell(kept, purchase)

    for unit in shuffled(1, purchase):
        back = returned(purchase, [unit])
        await shop.tell(back, back)
        await shop.check()

    assert await shop.active(buyer) == 10
    assert sum(event["points"] for event in await shop.told("loyalty.points_reversed.v1")) == 33


async def test_a_return_before_its_purchase_waits_for_it(shop: Shop) -> None:
    buyer = customer()
    purchase = bought(buyer, [(4, 4_000)], START)
    back = returned(purchase, [(1, 4, 4)])

    await shop.tell(back)
    await shop.tell(back)
    assert await shop.active(buyer) == 0
    await shop.tell(purchase)

    assert await shop.active(buyer) == 30
    await shop.check()


async def test_a_return_and_its_purchase_may_share_a_batch_in_the_wrong_order(shop: Shop) -> None:
    buyer = customer()
    purchase = bought(buyer, [(4, 4_000)], START)

    await shop.tell(returned(purchase, [(1, 4, 4)]), purchase, returned(purchase, [(1, 3, 3)]))

    assert await shop.active(buyer) == 20
    await shop.check()


async def test_a_tier_that_rose_and_fell_in_one_batch_has_the_begin_that_was_told(shop: Shop) -> None:
    buyer = customer()
    dear = bought(buyer, [(1, 150_000)], START)
    later = bought(buyer, [(1, 1_000)], START + timedelta(days=400))

    await shop.tell(dear, later)

    rose, fell = await shop.told("loyalty.tier_changed.v1")
    seen = await shop.see(buyer)
    assert seen is not None
    assert (rose["tier"], fell["tier"], seen.standing.tier) == ("silver", "member", "member")
    assert seen.standing.since == datetime.fromisoformat(fell["since"])


async def test_units_that_went_back_already_are_set_aside_and_others_are_not(shop: Shop) -> None:
    buyer, other = customer(), customer()
    purchase = bought(buyer, [(2, 2_000)], START)
    await shop.tell(purchase, returned(purchase, [(1, 2, 2)]))

    outcome = await shop.tell(returned(purchase, [(1, 1, 2)]), bought(other, [(1, 500)], START))

    assert (outcome.dead, outcome.applied) == (1, 1)
    assert await shop.active(buyer) == 10
    assert await shop.active(other) == 5
    await shop.check()


async def test_a_currency_without_a_rate_earns_nothing_and_counts_for_no_tier(shop: Shop) -> None:
    buyer = customer()

    outcome = await shop.tell(bought(buyer, [(1, 900_000)], START, currency="USD"))

    seen = await shop.see(buyer)
    assert outcome.applied == 1
    assert seen is not None
    assert (seen.member.balance().active, seen.standing.spend()) == (0, 0)
    await shop.check()


async def test_points_spent_on_an_order_come_back_with_its_units(shop: Shop) -> None:
    buyer = customer()
    lines = [(1, 3_000), (2, 6_000)]
    await shop.tell(bought(buyer, [(1, 10_000)], START))
    await shop.redeem(buyer, 90, ("web", "A-1"), lines)
    order = bought(buyer, lines, START, order_id="A-1")
    await shop.tell(order)
    assert await shop.active(buyer) == 10 + 90

    await shop.tell(returned(order, [(2, 2, 2)]))

    assert await shop.active(buyer) == 10 + 90 - 30 + 30
    await shop.tell(returned(order, [(1, 1, 1), (2, 1, 1)]))
    assert await shop.active(buyer) == 100
    await shop.check()


async def test_a_return_may_go_below_zero_and_the_next_purchase_pays(shop: Shop) -> None:
    buyer = customer()
    first = bought(buyer, [(1, 5_000)], START)
    await shop.tell(first)
    await shop.redeem(buyer, 40)

    await shop.tell(returned(first, [(1, 1, 1)]))
    assert await shop.active(buyer) == -40
    await shop.tell(bought(buyer, [(1, 10_000)], START))

    assert await shop.active(buyer) == 60
    await shop.check()


async def test_an_erased_member_earns_nothing(shop: Shop) -> None:
    buyer = customer()
    await shop.tell(bought(buyer, [(1, 5_000)], START), erased(buyer, START))

    outcome = await shop.tell(bought(buyer, [(1, 5_000)], START))

    assert outcome.applied == 1
    assert await shop.see(buyer) is None
    assert len(await shop.told("loyalty.points_earned.v1")) == 1
    assert len(await shop.told("loyalty.erasure_done.v1")) == 1
    await shop.check()


@pytest.mark.parametrize("together", [True, False])
async def test_tiers_rise_and_fall_by_the_trailing_year(shop: Shop, together: bool) -> None:
    buyer = customer()
    first = bought(buyer, [(1, 60_000)], START)
    second = bought(buyer, [(1, 50_000)], START + timedelta(days=30))
    batches = [[first, second, returned(second, [(1, 1, 1)], START + timedelta(days=40))]]
    for batch in batches if together else [[event] for event in batches[0]]:
        await shop.tell(*batch)

    seen = await shop.see(buyer)
    assert seen is not None
    assert (seen.standing.tier, seen.standing.spend()) == ("member", 60_000)
    told = await shop.told("loyalty.tier_changed.v1")
    assert [(event["tier"], event["spend_minor"]) for event in told] == [
        ("silver", 110_000),
        ("member", 60_000),
    ]
    await shop.check()


async def test_a_return_that_contradicts_its_purchase_is_set_aside_alone(shop: Shop) -> None:
    buyer, other = customer(), customer()
    purchase, of_other = bought(buyer, [(4, 4_000)], START), bought(other, [(1, 1_000)], START)
    of_another = returned(purchase, [(1, 4, 4)]).model_copy(update={"identity_id": other})
    of_other_order = returned(purchase, [(1, 3, 3)]).model_copy(update={"order_id": of_other.order_id})

    outcome = await shop.tell(purchase, of_other, of_another, of_other_order)

    assert (outcome.applied, outcome.dead) == (2, 2)
    assert (await shop.active(buyer), await shop.active(other)) == (40, 10)
    await shop.check()


async def test_a_bad_return_that_waited_does_not_take_its_purchase_with_it(shop: Shop) -> None:
    buyer = customer()
    purchase = bought(buyer, [(4, 4_000)], START)
    good, twice = returned(purchase, [(1, 4, 4)]), returned(purchase, [(1, 4, 4)])
    of_another = returned(purchase, [(1, 1, 1)]).model_copy(update={"identity_id": customer()})

    await shop.tell(good, twice, of_another)
    outcome = await shop.tell(purchase)

    assert (outcome.applied, outcome.dead) == (1, 0)
    assert await shop.active(buyer) == 30
    async with shop.database.read() as read:
        assert (await set_aside.count_open(read))["dead"] == 2
    await shop.check()


async def test_a_return_whose_purchase_never_comes_ends_dead(shop: Shop) -> None:
    member = customer()
    purchase = bought(member, [(1, 5_000)], START)
    await shop.tell(returned(purchase, [(1, 1, 1)]))
    shop.clock.advance(timedelta(days=31))

    assert await END_OVERDUE_RETURNS.run(shop.runtime) == 1
    assert await END_OVERDUE_RETURNS.run(shop.runtime) == 0

    await shop.tell(bought(member, [(1, 700)], START))
    assert await shop.active(member) == 7
