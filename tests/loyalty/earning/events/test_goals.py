"""Goals through the real consumer's transaction: completions, returns, what is from before a goal, merges and unmerges."""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import update

from services.loyalty.earning.storage.tables import completion, counter
from services.loyalty.ledger.storage.tables import lot
from shared.events.base import Event
from shared.events.profile import PurchaseRecorded
from tests.conftest import SEED
from tests.loyalty.earning.domain.rule_oracle import Json, Left, Order, RuleOracle
from tests.loyalty.earning.domain.rule_worlds import random_document, random_order
from tests.loyalty.earning.ruled import bought_as, order, put_rules
from tests.loyalty.shop import START, Shop, customer, erased, merged, returned
from tests.parts import databases, facts
from tests.parts.sampling import limit

BASE: Json = {"code": "base", "kind": "points_per_amount", "rates": {"CNY": 1}}
NOTHING: Json = {"code": "none", "kind": "fixed_bonus", "points": 1, "when": {"op": "eq", "fact": "order.channel", "value": "no"}}  # fmt: skip
FIFTH: Json = {"code": "fifth", "measure": "purchases", "target": 5, "points": 50}
FIRST: Json = {"code": "first", "measure": "purchases", "target": 1, "times": 1, "points": 100}
DAY = timedelta(days=1)
WORLDS = {"sqlite": limit(8, 200), "postgresql": limit(2, 60)}
WORLDS_MAX = 300
"""There are more worlds than `WORLDS` only while no goal was completed in any, which would prove nothing."""


def orders(buyer: str, count: int, at: datetime = START, minor: int = 100) -> list[PurchaseRecorded]:
    return [order(buyer, [(1, minor)], at + number * DAY) for number in range(count)]


def back(bought: PurchaseRecorded) -> Event:
    return returned(bought, [(line.line, 1, line.quantity) for line in bought.lines])


async def test_every_fifth_purchase_is_a_completion_and_returns_take_the_last_one(shop: Shop) -> None:
    buyer = customer()
    await put_rules(shop, {"rules": [NOTHING], "goals": [FIFTH]})
    bought = orders(buyer, 11)

    await shop.tell(*bought[:4])
    assert await shop.active(buyer) == 0
    await shop.tell(bought[4])
    assert await shop.active(buyer) == 50
    await shop.tell(*bought[5:], bought[4])
    assert await shop.active(buyer) == 100
    await shop.check()
    await shop.tell(back(bought[0]))
    assert await shop.active(buyer) == 100
    await shop.tell(back(bought[1]), back(bought[2]))

    assert await shop.active(buyer) == 50
    rows = await shop.rows(completion)
    assert [(row.number, row.count, row.reversed) for row in sorted(rows, key=lambda row: row.id)] == [
        (1, 1, 0),
        (2, 1, 1),
    ]
    await shop.check()
    await shop.tell(*(back(sold) for sold in bought[3:]))
    assert await shop.active(buyer) == 0
    await shop.check()
    await shop.tell(*orders(buyer, 5, START + 30 * DAY))
    assert await shop.active(buyer) == 50
    await shop.check()


async def test_the_first_purchase_is_paid_once_and_again_after_its_return(shop: Shop) -> None:
    buyer = customer()
    await put_rules(shop, {"rules": [BASE], "goals": [FIRST]})
    first, second = orders(buyer, 2, minor=1_000)

    await shop.tell(first)
    assert await shop.active(buyer) == 110
    await shop.tell(back(first))
    assert await shop.active(buyer) == 0
    await shop.check()
    await shop.tell(second)

    assert await shop.active(buyer) == 110
    earned = await shop.told("loyalty.points_earned.v1")
    assert [(event["cause"]["kind"], event["points"]) for event in earned] == [
        ("purchase", 10),
        ("goal", 100),
        ("purchase", 10),
        ("goal", 100),
    ]
    (reversed_,) = await shop.told("loyalty.points_reversed.v1")
    assert reversed_["points"] == 110
    await shop.check()


async def test_a_return_takes_spent_points_of_a_goal_as_a_debt(shop: Shop) -> None:
    buyer = customer()
    await put_rules(shop, {"rules": [NOTHING], "goals": [FIRST]})
    (first,) = orders(buyer, 1)
    await shop.tell(first)
    await shop.redeem(buyer, 70)

    await shop.tell(back(first))
    assert await shop.active(buyer) == -70
    await shop.check()
    await shop.tell(order(buyer, [(1, 100)], START + DAY))

    assert await shop.active(buyer) == 30
    await shop.check()


async def test_amounts_complete_a_goal_several_times_and_fall_by_units(shop: Shop) -> None:
    buyer = customer()
    goal = {"code": "spent", "measure": "amount", "currency": "CNY", "target": 10_000, "points": 7}
    await put_rules(shop, {"rules": [NOTHING], "goals": [{**goal, "period": "month"}]})
    large = order(buyer, [(4, 40_000)])
    small = order(buyer, [(1, 5_000)], START + DAY)
    april = order(buyer, [(1, 9_000)], START + 40 * DAY)

    await shop.tell(april, small, large)
    assert await shop.active(buyer) == 28
    await shop.tell(returned(large, [(1, 4, 4)]))
    assert await shop.active(buyer) == 21
    await shop.check()
    await shop.tell(back(small))

    assert await shop.active(buyer) == 21
    await shop.tell(returned(large, [(1, 1, 3)]))
    assert await shop.active(buyer) == 0
    await shop.check()


async def test_a_goal_begins_at_the_level_that_was_reached_before_it(shop: Shop) -> None:
    old, new = customer(), customer()
    await put_rules(shop, {"rules": [NOTHING]})
    before = orders(old, 7)
    await shop.tell(*before)
    await put_rules(shop, {"rules": [NOTHING], "goals": [FIFTH, FIRST]}, version=2, begins=START + 30 * DAY)

    await shop.tell(*orders(new, 1, START + 31 * DAY))
    assert await shop.active(new) == 100
    await shop.tell(*orders(old, 2, START + 31 * DAY))
    assert await shop.active(old) == 0
    await shop.tell(back(before[0]))
    assert await shop.active(old) == 0
    await shop.check()
    await shop.tell(*orders(old, 2, START + 40 * DAY))

    assert await shop.active(old) == 50
    await shop.check()


async def test_a_late_purchase_from_before_a_goal_counts_and_takes_nothing(shop: Shop) -> None:
    buyer = customer()
    await put_rules(shop, {"rules": [NOTHING]})
    await put_rules(shop, {"rules": [NOTHING], "goals": [FIFTH, FIRST]}, version=2, begins=START + 30 * DAY)
    since = orders(buyer, 3, START + 31 * DAY)

    await shop.tell(since[0])
    assert await shop.active(buyer) == 100
    late = orders(buyer, 2)
    await shop.tell(*late, since[1])
    assert await shop.active(buyer) == 100
    await shop.check()
    await shop.tell(since[2])

    assert await shop.active(buyer) == 150
    await shop.tell(*(back(sold) for sold in since))
    assert await shop.active(buyer) == 0
    await shop.check()


async def test_merged_members_are_granted_what_they_reach_together_and_an_unmerge_takes_it(
    shop: Shop,
) -> None:
    one, other = customer(), customer()
    await put_rules(shop, {"rules": [NOTHING], "goals": [FIFTH, FIRST]})
    await shop.tell(*orders(one, 3), *orders(other, 3))
    assert (await shop.active(one), await shop.active(other)) == (100, 100)

    await shop.tell(merged(other, one, 1, START + 30 * DAY))
    assert await shop.active(one) == 250
    await shop.check()
    await shop.tell(merged(other, one, 1, START + 30 * DAY))
    assert await shop.active(one) == 250
    await shop.tell(facts.unmerged(other, START + 31 * DAY, former=one, version=2))

    assert (await shop.active(one), await shop.active(other)) == (100, 100)
    await shop.check()
    assert [event["points"] for event in await shop.told("loyalty.points_reversed.v1")] == [50]


async def test_an_unmerge_tells_what_it_takes_of_several_goals_as_one_event(shop: Shop) -> None:
    one, other = customer(), customer()
    third: Json = {"code": "third", "measure": "purchases", "target": 3, "points": 7}
    await put_rules(shop, {"rules": [NOTHING], "goals": [{**FIFTH, "target": 4}, third]})
    await shop.tell(*orders(one, 2), *orders(other, 2))
    await shop.tell(merged(other, one, 1, START + 30 * DAY))
    assert await shop.active(one) == 57

    await shop.tell(facts.unmerged(other, START + 31 * DAY, former=one, version=2))

    assert [event["points"] for event in await shop.told("loyalty.points_reversed.v1")] == [57]
    await shop.check()


async def test_an_unmerge_gives_what_only_the_merge_kept_from_a_member(shop: Shop) -> None:
    one, other = customer(), customer()
    await put_rules(shop, {"rules": [NOTHING], "goals": [FIRST]})
    await shop.tell(*orders(one, 1), facts.registered(other, START))
    await shop.tell(merged(other, one, 1, START + DAY))
    await shop.tell(*orders(other, 1, START + 2 * DAY))
    assert await shop.active(one) == 100

    await shop.tell(facts.unmerged(other, START + 3 * DAY, former=one, version=2))

    assert (await shop.active(one), await shop.active(other)) == (100, 100)
    await shop.check()


async def test_a_day_on_which_two_wallets_of_a_member_bought_is_one_day(shop: Shop) -> None:
    one, other = customer(), customer()
    days = {"code": "days", "measure": "active_days", "target": 3, "points": 10, "period": "month"}
    await put_rules(shop, {"rules": [NOTHING], "goals": [days]})
    shared = [order(one, [(1, 100)]), order(one, [(1, 200)]), order(other, [(1, 100)])]
    await shop.tell(*shared, *orders(one, 1, START + DAY))
    await shop.tell(merged(other, one, 1, START + 2 * DAY))
    assert await shop.active(one) == 0

    await shop.tell(*orders(other, 1, START + 2 * DAY))
    assert await shop.active(one) == 10
    await shop.tell(back(shared[0]), back(shared[2]))
    assert await shop.active(one) == 10
    await shop.tell(back(shared[1]))

    assert await shop.active(one) == 0
    await shop.check()


async def test_an_erased_member_completes_nothing(shop: Shop) -> None:
    buyer = customer()
    await put_rules(shop, {"rules": [NOTHING], "goals": [FIFTH]})
    await shop.tell(*orders(buyer, 4), erased(buyer, START + 5 * DAY))

    await shop.tell(*orders(buyer, 3, START + 6 * DAY))

    assert await shop.rows(completion) == []
    await shop.check()


async def test_verify_finds_goals_that_no_purchase_explains(shop: Shop) -> None:
    buyer = customer()
    await put_rules(shop, {"rules": [NOTHING], "goals": [FIRST]})
    await shop.tell(*orders(buyer, 1))
    async with shop.database.begin() as tx:
        await tx.execute(update(counter).values(measure=0, granted=2))
        await tx.execute(update(completion).values(reversed=1))

    assert sorted({drift.rule for drift in await shop.drift()}) == [
        "completion_is_its_lot",
        "goal_holds",
        "goal_is_its_purchases",
    ]


async def test_random_goals_in_any_order_through_merges_and_unmerges(
    shop: Shop, kind: databases.Kind
) -> None:
    """H1 to H4, H6 and H8: what is left of each member's own orders, and of all of them while they are merged."""
    zone = shop.runtime.context.settings.zone
    for number in range(WORLDS_MAX):
        if number >= WORLDS[kind] and await shop.rows(lot):
            break
        rng = random.Random(f"goals {SEED} {number}")
        goals: list[Json] = []
        while not goals:
            goals = random_document(rng, world=number)["goals"]
        begins = None if number == 0 else START + number * timedelta(days=60)
        await put_rules(shop, {"rules": [NOTHING], "goals": goals}, version=number + 1, begins=begins)
        oracle = RuleOracle({"rules": [], "groups": [], "caps": [], "goals": goals}, ZoneInfo(zone))
        members = [customer() for _ in range(rng.randint(1, 3))]
        drawn = [random_order(rng, at, len(members)) for at in range(rng.randint(1, 7))]
        shift = begins - START if begins else timedelta()
        moved = [Order(**{**vars(made), "at": made.at + shift, "tier": "member"}) for made in drawn]
        await shop.tell(*(facts.registered(member, START) for member in members))
        lefts = await _live(shop, rng, members, moved)

        for at, member in enumerate(members):
            own = [left for left in lefts if left.order.wallet == at]
            for left in own:
                oracle.wants[left.order.key] = []
            assert await shop.active(member) == oracle.total(own), (number, goals)
        await shop.check()
    assert await shop.rows(lot), "some goal was completed"


async def _live(shop: Shop, rng: random.Random, members: Sequence[str], drawn: Sequence[Order]) -> list[Left]:
    """Tell orders and their partial returns in any order, some twice, between merges and unmerges, and return what is left."""
    sold = {made.key: bought_as(members[made.wallet], made) for made in drawn}
    told: list[Event] = list(sold.values())
    lefts = []
    for made in drawn:
        units = made.units()
        rng.shuffle(units)
        gone = rng.choice((0, rng.randint(0, len(units)), len(units)))
        told += [returned(sold[made.key], [(line, unit, unit)]) for line, unit in units[:gone]]
        lefts.append(Left(made, units[gone:]))
    rng.shuffle(told)  # a return before its purchase waits for it
    at, versions = max(made.at for made in drawn), dict.fromkeys(members[1:], 0)
    owned = set[str]()
    while told:
        size = rng.randint(1, 4)
        batch, told = told[:size], told[size:]
        await shop.tell(*batch, *(batch[:1] if rng.random() < 0.3 else ()))
        if members[1:] and rng.random() < 0.5:
            mover = rng.choice(members[1:])
            versions[mover] += 1
            if mover in owned:
                await shop.tell(facts.unmerged(mover, at, former=members[0], version=versions[mover]))
            else:
                await shop.tell(merged(mover, members[0], versions[mover], at))
            owned ^= {mover}
    for mover in sorted(owned):
        await shop.tell(facts.unmerged(mover, at, former=members[0], version=versions[mover] + 1))
    return lefts
