"""Caps of members who were merged and parted: an unmerge levels both sides to what their own facts come to (H8)."""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import update

from services.loyalty.activities.queries.activities import ActivityRecord
from services.loyalty.earning.storage.tables import counter
from services.loyalty.ledger.storage.tables import lot
from services.loyalty.purchases.storage.tables import purchase as purchase_table
from shared.events.base import Event
from tests.conftest import SEED
from tests.loyalty.earning.acted import act, activity, undo
from tests.loyalty.earning.domain.activity_oracle import Deed, completed, wishes
from tests.loyalty.earning.domain.activity_worlds import random_deed, with_activities
from tests.loyalty.earning.domain.rule_oracle import Json, Left, Order, RuleOracle
from tests.loyalty.earning.domain.rule_worlds import random_order
from tests.loyalty.earning.ruled import bought_as, order, put_rules
from tests.loyalty.shop import START, Shop, customer, merged, registered, returned
from tests.parts import databases, facts
from tests.parts.sampling import limit

BASE: Json = {"code": "base", "kind": "points_per_amount", "rates": {"CNY": 1}}
LIFE: Json = {"code": "life", "period": "lifetime", "limit": 100}
DAY = timedelta(days=1)
WORLDS = {"sqlite": limit(8, 40), "postgresql": limit(2, 15)}
WORLDS_MAX = 300
"""There are more worlds than `WORLDS` only while no cap was levelled in any, which would prove nothing."""


async def parted_shop(shop: Shop, *caps: Json, inner: str) -> tuple[str, str]:
    """Return two members of a shop whose one rule counts for a cap."""
    await put_rules(shop, {"rules": [{**BASE, "cap": inner}], "caps": [*caps]})
    members = customer(), customer()
    await shop.tell(*(registered(member, START) for member in members))
    return members


async def test_an_unmerge_grants_what_only_the_common_cap_kept_from_a_member(shop: Shop) -> None:
    one, other = await parted_shop(shop, LIFE, inner="life")
    first, second = order(one, [(1, 8_000)]), order(other, [(1, 8_000)])
    await shop.tell(first)
    await shop.tell(merged(other, one, 1, START))
    await shop.tell(second)
    assert await shop.active(one) == 100

    await shop.tell(facts.unmerged(other, START + DAY, former=one, version=2))

    assert (await shop.active(one), await shop.active(other)) == (80, 80)
    assert [event["points"] for event in await shop.told("loyalty.points_earned.v1")] == [80, 20, 60]
    await shop.check()
    await shop.tell(returned(second, [(1, 1, 1)]), returned(first, [(1, 1, 1)]))
    assert (await shop.active(one), await shop.active(other)) == (0, 0)
    await shop.check()
    assert {(row.measure, row.granted) for row in await shop.rows(counter)} == {(0, 0)}


async def test_the_lot_of_a_returned_purchase_keeps_nothing_for_the_other_side(shop: Shop) -> None:
    one, other = await parted_shop(shop, LIFE, inner="life")
    first, second = order(one, [(1, 8_000)]), order(other, [(1, 8_000)])
    await shop.tell(first)
    await shop.tell(merged(other, one, 1, START))
    await shop.tell(second, returned(first, [(1, 1, 1)]))
    assert await shop.active(one) == 80

    await shop.tell(facts.unmerged(other, START + DAY, former=one, version=2))

    assert (await shop.active(one), await shop.active(other)) == (0, 80)
    earned = await shop.told("loyalty.points_earned.v1")
    taken = await shop.told("loyalty.points_reversed.v1")
    assert (earned[-1]["points"], taken[-1]["points"]) == (60, 60)
    assert earned[-1]["transaction_id"] == taken[-1]["transaction_id"]
    await shop.check()


async def test_spent_points_that_an_unmerge_takes_are_a_debt(shop: Shop) -> None:
    one, other = await parted_shop(shop, LIFE, inner="life")
    first, second = order(one, [(1, 8_000)]), order(other, [(1, 8_000)])
    await shop.tell(first)
    await shop.tell(merged(other, one, 1, START))
    await shop.tell(second, returned(first, [(1, 1, 1)]))
    await shop.redeem(one, 80)

    await shop.tell(facts.unmerged(other, START + DAY, former=one, version=2))

    assert (await shop.active(one), await shop.active(other)) == (-60, 60)
    await shop.check()


async def test_inner_caps_are_levelled_first(shop: Shop) -> None:
    daily = {"code": "daily", "period": "day", "limit": 50, "within": "life"}
    one, other = await parted_shop(shop, daily, {**LIFE, "limit": 90}, inner="daily")
    await shop.tell(order(one, [(1, 4_000)]), order(one, [(1, 7_000)], START + DAY))
    await shop.tell(merged(other, one, 1, START))
    await shop.tell(order(other, [(1, 4_000)]), order(other, [(1, 2_000)], START + DAY))
    assert await shop.active(one) == 90

    await shop.tell(facts.unmerged(other, START + DAY, former=one, version=2))

    assert (await shop.active(one), await shop.active(other)) == (90, 60)
    await shop.check()
    await shop.tell(merged(other, one, 3, START + DAY))
    assert await shop.active(one) == 150  # a merge takes nothing
    await shop.check()


async def test_verify_finds_a_levelled_lot_that_was_changed(shop: Shop) -> None:
    one, other = await parted_shop(shop, LIFE, inner="life")
    await shop.tell(order(one, [(1, 8_000)]))
    await shop.tell(merged(other, one, 1, START))
    await shop.tell(order(other, [(1, 8_000)]))
    await shop.tell(facts.unmerged(other, START + DAY, former=one, version=2))
    async with shop.database.begin() as tx:
        later = update(lot).where(lot.c.origin_lot_id.is_not(None))
        await tx.execute(later.values(reversed=1, remaining=lot.c.remaining - 1))

    assert "counter_is_its_lots" in {drift.rule for drift in await shop.drift()}


def capped(rng: random.Random) -> Json:
    """Return rules of which each counts for caps that lie within each other, and that are soon full."""
    caps: list[Json] = [
        {"code": "a_day", "period": "day", "limit": rng.choice((20, 60)), "within": "a_month"},
        {"code": "a_week", "period": "week", "limit": rng.choice((30, 90)), "within": "a_life"},
        {"code": "a_month", "period": "month", "limit": rng.choice((60, 120)), "within": "a_life"},
        {"code": "a_life", "period": "lifetime", "limit": rng.choice((100, 200))},
    ]
    rules: list[Json] = [
        {
            **BASE,
            "cap": rng.choice(("a_day", "a_life")),
            "on_return": rng.choice(("share", "requalify", "keep")),
        },
        {"code": "units", "kind": "points_per_unit", "points": 4, "cap": rng.choice(("a_week", "a_month"))},
        {"code": "visit", "kind": "fixed_bonus", "on": "activity:check_in", "points": 15, "cap": "a_day"},
        {
            "code": "survey",
            "kind": "fixed_bonus",
            "on": "activity:survey",
            "points": 15,
            "cap": rng.choice(("a_week", "a_life")),
        },
    ]
    return {"rules": rules, "groups": [], "caps": caps, "goals": []}


async def test_random_caps_through_merges_and_unmerges(shop: Shop, kind: databases.Kind) -> None:
    """T3: what each has at the end is what its own orders and activities come to, whatever was merged in between."""
    zone = ZoneInfo(shop.runtime.context.settings.zone)
    for number in range(WORLDS_MAX):
        if number >= WORLDS[kind] and await shop.rows(lot, lot.c.origin_lot_id.is_not(None)):
            break
        rng = random.Random(f"parted {SEED} {number}")
        document = capped(rng) if number % 2 else with_activities(rng, number)
        begins = None if number == 0 else START + number * timedelta(days=60)
        shift = begins - START if begins else timedelta()
        await put_rules(shop, document, version=number + 1, begins=begins)
        shop.clock.set(max(shop.clock.now(), START + shift + 50 * DAY))
        members = [customer() for _ in range(rng.randint(2, 3))]
        await shop.tell(*(registered(member, START) for member in members))
        drawn = [random_order(rng, at, len(members)) for at in range(rng.randint(1, 6))]
        orders = [Order(**{**vars(made), "at": made.at + shift}) for made in drawn]
        deeds = [random_deed(rng, f"{number}-{at}", len(members), shift) for at in range(rng.randint(0, 4))]
        lefts, done = await _live(shop, rng, members, orders, deeds)

        of_orders = {**document, "rules": [rule for rule in document["rules"] if "on" not in rule]}
        of_orders["goals"] = [goal for goal in document["goals"] if ":" not in goal["measure"]]
        oracle = RuleOracle(of_orders, zone)
        for left in lefts:
            oracle.book(left.order)
        for at, member in enumerate(members):
            own = [deed for deed in done if deed.wallet == at]
            wanted = oracle.total(
                [left for left in lefts if left.order.wallet == at], wishes(document, own)
            ) + completed(document, oracle, own)
            assert await shop.active(member) == wanted, (number, at, document)
        await shop.check()
    assert await shop.rows(lot, lot.c.origin_lot_id.is_not(None)), "some cap was levelled"


async def _live(
    shop: Shop, rng: random.Random, members: Sequence[str], orders: Sequence[Order], deeds: Sequence[Deed]
) -> tuple[list[Left], list[Deed]]:
    """Tell everything in any order between merges and unmerges, and return what is left with the tiers that were frozen."""
    sold = {made.key: bought_as(members[made.wallet], made) for made in orders}
    told: list[Event | Deed] = [*sold.values(), *deeds]
    kept = {}
    for made in orders:
        units = made.units()
        rng.shuffle(units)
        gone = rng.choice((0, rng.randint(0, len(units)), len(units)))
        told += [returned(sold[made.key], [(line, unit, unit)]) for line, unit in units[:gone]]
        kept[made.key] = units[gone:]
    rng.shuffle(told)
    at, versions, owned = max(made.at for made in orders), dict.fromkeys(members[1:], 0), set[str]()
    records, gone_deeds = dict[str, ActivityRecord](), set[str]()
    for fact in told:
        if isinstance(fact, Deed):
            made_by = activity(members[fact.wallet], fact.kind, fact.at, fact.facts, fact.key)
            (records[fact.key],) = await act(shop, made_by)
        else:
            await shop.tell(fact)
        if records and rng.random() < 0.2:
            key = rng.choice(sorted(records))
            gone_deeds.add(key)
            await undo(shop, records[key])
        if rng.random() < 0.4:
            mover = rng.choice(members[1:])
            versions[mover] += 1
            if mover in owned:
                await shop.tell(facts.unmerged(mover, at, former=members[0], version=versions[mover]))
            else:
                await shop.tell(merged(mover, members[0], versions[mover], at))
            owned ^= {mover}
    for mover in sorted(owned):
        await shop.tell(facts.unmerged(mover, at, former=members[0], version=versions[mover] + 1))
    lefts = []
    for made in orders:
        (row,) = await shop.rows(purchase_table, purchase_table.c.purchase_id == sold[made.key].purchase_id)
        tier = "member" if row.context is None else row.context.tier
        lefts.append(Left(Order(**{**vars(made), "tier": tier}), kept[made.key]))
    done = []
    for deed in deeds:
        context = records[deed.key].context
        tier = "member" if context is None else context.tier
        done += [Deed(**{**vars(deed), "tier": tier})] if deed.key not in gone_deeds else []
    return lefts, done
