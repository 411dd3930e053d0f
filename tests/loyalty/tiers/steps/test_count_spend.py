"""What is dated ahead of our clock moves no time on: it counts from its own instant."""

from __future__ import annotations

from datetime import datetime, timedelta

from services.loyalty.ledger.queries.find_member_at import find_member_at
from services.loyalty.tiers.jobs import SETTLE_DUE
from services.loyalty.tiers.queries.find_standing import find_standing_at
from tests.loyalty.shop import START, Shop, bought, customer, merged, returned

DAY = timedelta(days=1)
HOUR = timedelta(hours=1)
YEAR_AGO = START.replace(year=START.year - 1)


async def tier(shop: Shop, who: str, as_of: datetime | None = None) -> str:
    """The tier that readers see, now or as of an instant."""
    if as_of is None:
        seen = await shop.see(who)
        assert seen is not None, "nobody of this id"
        return seen.standing.tier
    async with shop.database.begin() as tx:
        found = await find_member_at(tx, who, as_of)
        return (await find_standing_at(tx, found, as_of)).tier


async def both(shop: Shop, who: str) -> set[str]:
    """The tiers that readers see now, and as of now."""
    return {await tier(shop, who), await tier(shop, who, shop.clock.now())}


async def test_a_return_dated_ahead_takes_no_spend_out_of_the_window_before_its_time(shop: Shop) -> None:
    who = customer()
    other = bought(who, [(1, 100)], START - 48 * HOUR)
    await shop.tell(bought(who, [(1, 100_000)], YEAR_AGO + 6 * HOUR), other)
    assert await both(shop, who) == {"silver"}
    await shop.tell(returned(other, [(1, 1, 1)], START + 12 * HOUR))
    assert await both(shop, who) == {"silver"}
    assert [change["tier"] for change in await shop.told("loyalty.tier_changed.v1")] == ["silver"]
    await shop.check()

    shop.clock.advance(6 * HOUR)
    assert await both(shop, who) == {"member"}
    await SETTLE_DUE.run(shop.runtime)
    (_, fall) = await shop.told("loyalty.tier_changed.v1")
    assert (fall["tier"], fall["occurred_at"]) == ("member", "2026-03-01T15:00:00.000000Z")
    await shop.check()


async def test_a_purchase_dated_ahead_counts_from_its_instant_on(shop: Shop) -> None:
    who = customer()
    await shop.tell(bought(who, [(1, 100_000)], YEAR_AGO + 6 * HOUR))
    await shop.tell(bought(who, [(1, 499_000)], START + 12 * HOUR))
    assert await both(shop, who) == {"silver"}
    await shop.check()
    shop.clock.advance(6 * HOUR - timedelta(seconds=1))
    assert await both(shop, who) == {"silver"}
    shop.clock.advance(timedelta(seconds=1))
    assert await both(shop, who) == {"member"}
    await shop.check()
    shop.clock.advance(6 * HOUR)
    assert await both(shop, who) == {"silver"}
    await SETTLE_DUE.run(shop.runtime)
    assert [
        (change["tier"], change["occurred_at"]) for change in await shop.told("loyalty.tier_changed.v1")
    ] == [
        ("silver", "2025-03-01T15:00:00.000000Z"),
        ("member", "2026-03-01T15:00:00.000000Z"),
        ("silver", "2026-03-01T21:00:00.000000Z"),
    ]
    await shop.check()


async def test_the_first_purchase_of_all_is_dated_ahead_and_sent_back_before_its_time(shop: Shop) -> None:
    kept, returning = customer(), customer()
    purchase = bought(returning, [(1, 600_000)], START + 20 * HOUR)
    await shop.tell(bought(kept, [(1, 600_000)], START + 20 * HOUR), purchase)
    await shop.tell(returned(purchase, [(1, 1, 1)], START + 20 * HOUR))
    assert await both(shop, kept) == await both(shop, returning) == {"member"}
    await shop.check()
    shop.clock.advance(20 * HOUR)
    await SETTLE_DUE.run(shop.runtime)
    assert (await both(shop, kept), await both(shop, returning)) == ({"gold"}, {"member"})
    await shop.check()


async def test_a_merge_dated_ahead_drops_nothing_before_its_time(shop: Shop) -> None:
    one, other = customer(), customer()
    await shop.tell(bought(one, [(1, 100_000)], YEAR_AGO + 6 * HOUR), bought(other, [(1, 100)], YEAR_AGO))
    await shop.tell(merged(other, one, 1, START + 12 * HOUR))
    assert await tier(shop, one) == "silver"
    await shop.check()


async def test_an_old_purchase_ceases_to_count_before_a_later_one_of_its_batch(shop: Shop) -> None:
    who = customer()
    await shop.tell(bought(who, [(1, 500)], START - 200 * DAY))
    late, new = bought(who, [(1, 400)], YEAR_AGO - 60 * DAY), bought(who, [(1, 300)], START - HOUR)
    outcome = await shop.consume(late, new)
    assert (outcome.dead, outcome.applied) == (0, 2)
    assert await both(shop, who) == {"member"}
    seen = await shop.see(who)
    assert seen is not None
    assert seen.standing.spend() == 800
    await shop.check()
