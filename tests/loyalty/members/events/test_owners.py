"""Merges and unmerges: nothing in the ledger moves, so both are exact."""

from __future__ import annotations

from datetime import timedelta

from services.loyalty.tiers import jobs
from tests.loyalty.shop import START, Shop, bought, customer, merged, returned


async def test_a_merge_joins_balances_and_an_unmerge_parts_them_exactly(shop: Shop) -> None:
    one, two = customer(), customer()
    await shop.tell(bought(one, [(1, 10_000)], START), bought(two, [(1, 3_000)], START))
    await shop.tell(merged(two, one, 1, START))
    assert await shop.active(one) == await shop.active(two) == 130

    await shop.tell(bought(two, [(1, 500)], START))
    await shop.tell(merged(two, two, 2, START), merged(two, one, 1, START))

    assert (await shop.active(one), await shop.active(two)) == (100, 35)
    await shop.check()


async def test_a_member_answers_under_every_id_that_was_merged_into_it(shop: Shop) -> None:
    one, two = customer(), customer()
    await shop.tell(bought(two, [(1, 3_000)], START), merged(two, one, 1, START))

    seen = await shop.see(two)

    assert seen is not None
    assert seen.member.owner_id == one


async def test_tiers_follow_the_owner(shop: Shop) -> None:
    one, two = customer(), customer()
    await shop.tell(bought(one, [(1, 60_000)], START), bought(two, [(1, 60_000)], START))

    await shop.tell(merged(two, one, 1, START))
    seen = await shop.see(one)
    assert seen is not None
    assert seen.standing.tier == "silver"

    await shop.tell(merged(two, two, 2, START))
    told = await shop.told("loyalty.tier_changed.v1")
    assert [(event["customer_id"], event["tier"]) for event in told] == [(one, "silver"), (one, "member")]
    await shop.check()


async def test_points_spent_by_a_merged_customer_return_to_the_lots_they_came_from(shop: Shop) -> None:
    one, two = customer(), customer()
    await shop.tell(
        bought(one, [(1, 1_000)], START), bought(two, [(1, 3_000)], START), merged(two, one, 1, START)
    )
    await shop.redeem(one, 40, ("web", "A-1"), [(1, 4_000)])
    order = bought(one, [(1, 4_000)], START, order_id="A-1")
    await shop.tell(order)
    await shop.tell(merged(two, two, 2, START))
    assert (await shop.active(one), await shop.active(two)) == (40, 0)

    await shop.tell(returned(order, [(1, 1, 1)]))

    assert (await shop.active(one), await shop.active(two)) == (10, 30)
    await shop.check()


async def test_a_job_tells_the_instant_at_which_spend_dropped_out(shop: Shop) -> None:
    one = customer()
    await shop.tell(bought(one, [(1, 150_000)], START))
    shop.clock.advance(timedelta(days=500))

    assert await jobs.SETTLE_DUE.run(shop.runtime) == 1
    assert await jobs.SETTLE_DUE.run(shop.runtime) == 0

    rise, fall = await shop.told("loyalty.tier_changed.v1")
    assert (rise["tier"], rise["valid_until"]) == ("silver", "2027-03-01T09:00:00.000000Z")
    assert (fall["tier"], fall["occurred_at"]) == ("member", "2027-03-01T09:00:00.000000Z")
    assert fall["cause"]["kind"] == "clock"
    await shop.check()
