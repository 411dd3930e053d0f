"""Activities through the ledger: caps, goals, budgets, reversals, merges, many at once, and random ones against an oracle."""

from __future__ import annotations

import asyncio
import random
from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import update

from services.loyalty.activities.refusals import ActivityConflict, ActivityInTheFuture
from services.loyalty.activities.storage.tables import ActivityRecord, ReversalRecord, reversal
from services.loyalty.activities.storage.tables import activity as activity_table
from services.loyalty.earning.storage.tables import counter
from services.loyalty.earning.usecases.record_activities import record_activities
from services.loyalty.ledger.refusals import UnknownMember
from services.loyalty.ledger.storage.tables import lot
from services.loyalty.purchases.storage.tables import purchase as purchase_table
from shared.limits import CLOCKS_DIFFER_MAX
from tests.conftest import SEED
from tests.loyalty.earning.acted import act, activity, undo
from tests.loyalty.earning.domain.activity_oracle import Deed, completed, wishes
from tests.loyalty.earning.domain.activity_worlds import random_deed, with_activities
from tests.loyalty.earning.domain.rule_oracle import Json, Left, Order, RuleOracle
from tests.loyalty.earning.domain.rule_worlds import random_order
from tests.loyalty.earning.ruled import bought_as, put_rules
from tests.loyalty.redemptions.usecases.test_storms import Crowd
from tests.loyalty.shop import START, Shop, customer, erased, merged, registered, returned
from tests.parts import databases, facts
from tests.parts.sampling import limit

DAY = timedelta(days=1)
BASE: Json = {"code": "base", "kind": "points_per_amount", "rates": {"CNY": 1}}
CHECK_IN: Json = {"code": "visit", "kind": "fixed_bonus", "on": "activity:check_in", "points": 5}
MINUTES: Json = {"code": "minutes", "kind": "points_per_fact", "on": "activity:check_in", "fact": "activity.minutes", "step": 10, "points": 2}  # fmt: skip
THIRD: Json = {"code": "third", "measure": "activity:check_in", "target": 3, "points": 50}
DAILY: Json = {"code": "daily", "period": "day", "limit": 8}
PARALLEL = 50
WORLDS = {"sqlite": limit(8, 100), "postgresql": limit(2, 30)}


async def joined(shop: Shop, *rules: Json, **parts: list[Json]) -> str:
    """Return a member without points of a shop with these rules."""
    await put_rules(shop, {"rules": [*rules], **parts})
    member = customer()
    await shop.tell(registered(member, START))
    return member


async def test_an_activity_earns_once_and_its_reversal_takes_exactly_that(shop: Shop) -> None:
    double = {
        "code": "double",
        "kind": "multiplier",
        "on": "activity:check_in",
        "of": "minutes",
        "percent": 150,
    }
    member = await joined(shop, BASE, CHECK_IN, MINUTES, double)
    visit = activity(member, facts={"minutes": 39})

    (record,) = await act(shop, visit)
    assert await act(shop, visit, visit) == [record, record]
    assert await shop.active(member) == 5 + 3 * 2 + 3  # ⌊39 × 2 / 10 × 50 / 100⌋ on top
    await shop.check()
    await undo(shop, record)
    await undo(shop, record)

    assert await shop.active(member) == 0
    assert len(await shop.rows(reversal)) == 1
    (earned,) = await shop.told("loyalty.points_earned.v1")
    (taken,) = await shop.told("loyalty.points_reversed.v1")
    assert (earned["cause"]["kind"], earned["points"]) == ("activity", 14)
    assert (taken["cause"]["kind"], taken["points"]) == ("activity_reversal", 14)
    await shop.check()


async def test_a_daily_cap_of_the_zone_is_a_level_under_reversals(shop: Shop) -> None:
    zone = ZoneInfo(shop.runtime.context.settings.zone)
    midnight = START.astimezone(zone).replace(hour=0) + DAY
    member = await joined(shop, {**CHECK_IN, "cap": "daily"}, caps=[DAILY])
    before = await act(shop, *(activity(member, at=midnight - timedelta(seconds=1)) for _ in range(3)))
    assert await shop.active(member) == 8
    await act(shop, activity(member, at=midnight))
    assert await shop.active(member) == 13

    await undo(shop, before[0])
    assert await shop.active(member) == 13  # 2 × 5 are wanted of the first day
    await shop.check()
    await undo(shop, before[1])
    assert await shop.active(member) == 10
    await undo(shop, before[2])

    assert await shop.active(member) == 5
    assert [record.outcome for record in before] == ["earned", "earned", "cap_reached"]
    await shop.check()


async def test_goals_count_activities_and_a_late_goal_begins_at_what_is_there(shop: Shop) -> None:
    member = await joined(shop, CHECK_IN)
    other = customer()
    await shop.tell(registered(other, START))
    old = await act(shop, *(activity(member, at=START + number * DAY) for number in range(2)))
    await put_rules(shop, {"rules": [CHECK_IN], "goals": [THIRD]}, version=2, begins=START + 30 * DAY)
    shop.clock.set(START + 40 * DAY)
    since = [await act(shop, activity(who, at=START + 31 * DAY)) for who in (member, other, member, other)]

    assert (await shop.active(member), await shop.active(other)) == (20 + 50, 10)
    await shop.check()
    await undo(shop, since[2][0])
    assert await shop.active(member) == 15 + 50
    await shop.check()
    await undo(shop, old[0])
    assert await shop.active(member) == 10
    await shop.check()
    await act(shop, activity(member, at=START + 32 * DAY))

    assert await shop.active(member) == 15 + 50
    await shop.check()


async def test_a_reversal_of_spent_points_leaves_a_debt_and_gives_back_to_the_budget(shop: Shop) -> None:
    budget = {"code": "spring", "ceiling": 7}
    member, other = await joined(shop, {**CHECK_IN, "budget": "spring"}, budgets=[budget]), customer()
    await shop.tell(registered(other, START))
    first, second = [(await act(shop, activity(who)))[0] for who in (member, other)]
    (refused,) = await act(shop, activity(other))
    assert (await shop.active(member), await shop.active(other)) == (5, 2)
    assert refused.outcome == "budget_exhausted"
    await shop.redeem(member, 5)

    await undo(shop, first)
    assert await shop.active(member) == -5
    await shop.check()
    await act(shop, activity(other))

    assert await shop.active(other) == 7
    await undo(shop, second)
    await shop.check()


async def test_the_rules_of_its_time_decide_and_no_other_activity_counts(shop: Shop) -> None:
    member = await joined(shop, CHECK_IN)
    await put_rules(shop, {"rules": [{**CHECK_IN, "points": 7}]}, version=2, begins=START + DAY)

    late = await act(
        shop, activity(member, at=START), activity(member, at=START + DAY), activity(member, "survey")
    )

    assert [record.outcome for record in late] == ["earned", "earned", "condition"]
    assert [record.rulebook for record in late] == [1, 2, 1]
    assert await shop.active(member) == 12


async def test_what_cannot_be_recorded_is_refused(shop: Shop) -> None:
    member = await joined(shop, CHECK_IN)
    gone = customer()
    await shop.tell(registered(gone, START))
    (before,) = await act(shop, activity(gone, key="before"))
    await shop.tell(erased(gone, START))

    for nobody in (gone, customer()):
        with pytest.raises(UnknownMember):
            await act(shop, activity(nobody))
    with pytest.raises(UnknownMember):
        await undo(shop, before)
    assert await act(shop, activity(gone, key="before")) == [before]
    with pytest.raises(ActivityInTheFuture):
        await act(shop, activity(member, at=START + CLOCKS_DIFFER_MAX + timedelta(seconds=1)))
    await act(shop, activity(member, at=START + CLOCKS_DIFFER_MAX, key="ahead"))
    with pytest.raises(ActivityConflict) as refused:
        await act(shop, activity(member, "survey", facts={"minutes": 1}, key="ahead"))
    pointers = [error.pointer for error in refused.value.errors]
    assert pointers == ["/kind", "/occurred_at", "/facts/minutes"]
    await shop.check()


async def test_the_same_activity_many_times_at_once_is_recorded_once(shop: Shop) -> None:
    member = await joined(shop, {**CHECK_IN, "cap": "daily"}, caps=[DAILY], goals=[THIRD])
    crowd, same, other = Crowd(shop), activity(member, key="one"), customer()
    await shop.tell(registered(other, START))
    taken = activity(other, key="one")  # the id of the same source, at once for another member

    async def visit(number: int) -> ActivityRecord | None:
        try:
            (record,) = await crowd.patiently(lambda: act(shop, taken if number == PARALLEL else same))
        except ActivityConflict:
            return None
        return record

    answers = await asyncio.gather(*(visit(number) for number in range(PARALLEL + 1)))
    recorded = {answer.id for answer in answers if answer is not None}
    (stored,) = await shop.rows(activity_table)
    assert recorded == {stored.id}
    assert {await shop.active(member), await shop.active(other)} == {5, 0}
    (record,) = {answer.id: answer for answer in answers if answer is not None}.values()
    await asyncio.gather(*(crowd.patiently(lambda: undo(shop, record)) for _ in range(PARALLEL)))

    assert await shop.active(member) == 0
    assert len(await shop.rows(reversal)) == 1
    await shop.check()


async def test_nothing_is_kept_of_a_batch_that_breaks_before_its_commit(shop: Shop) -> None:
    member = await joined(shop, CHECK_IN, goals=[THIRD])
    visits = [activity(member) for _ in range(3)]

    with pytest.raises(ZeroDivisionError):
        async with shop.database.begin() as tx:
            await record_activities(tx, shop.runtime.context, visits)
            raise ZeroDivisionError

    assert await shop.rows(activity_table) == []
    assert await shop.active(member) == 0
    await act(shop, *visits)
    assert await shop.active(member) == 65
    await shop.check()


async def test_merged_members_share_caps_and_reach_goals_together(shop: Shop) -> None:
    member = await joined(shop, {**CHECK_IN, "cap": "daily"}, caps=[DAILY], goals=[THIRD])
    other = customer()
    await shop.tell(registered(other, START))
    (mine,) = await act(shop, activity(member))
    await act(shop, activity(other, at=START + DAY))
    await shop.tell(merged(other, member, 1, START + DAY))

    (shared,) = await act(shop, activity(other))
    assert await shop.active(member) == 8 + 5 + 50
    await shop.check()
    await undo(shop, mine)
    assert await shop.active(member) == 5 + 5
    await shop.check()
    await undo(shop, shared)
    await shop.tell(facts.unmerged(other, START + 2 * DAY, former=member, version=2))

    assert (await shop.active(member), await shop.active(other)) == (0, 5)
    await shop.check()


async def test_verify_finds_what_no_activity_explains(shop: Shop) -> None:
    member = await joined(shop, CHECK_IN, goals=[THIRD])
    (kept,) = await act(shop, activity(member))
    async with shop.database.begin() as tx:
        await tx.execute(update(lot).values(reversed=2, remaining=3))
        await tx.execute(update(counter).values(measure=2))
        stray = ReversalRecord(kept.id + 1, kept.id, kept.wallet_id + 1, START, START, moved_points=False)
        await tx.insert_records(reversal, [stray])

    rules = {drift.rule for drift in await shop.drift()}
    assert rules > {
        "reversed_is_what_its_units_earned",
        "goal_is_its_purchases",
        "reversal_is_of_its_activity",
    }


async def test_random_activities_beside_purchases_in_any_order(shop: Shop, kind: databases.Kind) -> None:
    """H1, H2, H6: what is left is what the oracle says, whatever the order of facts, returns and reversals."""
    zone = ZoneInfo(shop.runtime.context.settings.zone)
    for number in range(WORLDS[kind]):
        rng = random.Random(f"activities {SEED} {number}")
        buyer, document = customer(), with_activities(rng, number)
        begins = None if number == 0 else START + number * timedelta(days=60)
        shift = begins - START if begins else timedelta()
        await put_rules(shop, document, version=number + 1, begins=begins)
        await shop.tell(registered(buyer, START))
        shop.clock.set(max(shop.clock.now(), START + shift + 50 * DAY))
        drawn = [_later(random_order(rng, at, 1), shift) for at in range(rng.randint(0, 4))]
        deeds = [random_deed(rng, f"{number}-{at}", 1, shift) for at in range(rng.randint(1, 6))]
        gone = {deed.key for deed in deeds if rng.random() < 0.4}
        lefts, done = await _live(shop, rng, buyer, document, drawn, deeds, gone, zone)

        of_orders = {**document, "rules": [rule for rule in document["rules"] if "on" not in rule]}
        of_orders["goals"] = [goal for goal in document["goals"] if ":" not in goal["measure"]]
        oracle = RuleOracle(of_orders, zone)
        for left in lefts:
            oracle.book(left.order)
        wanted = oracle.total(lefts, wishes(document, done)) + completed(document, oracle, done)
        assert await shop.active(buyer) == wanted, (number, document)
        await shop.check()


def _later(drawn: Order, shift: timedelta) -> Order:
    return Order(**{**vars(drawn), "at": drawn.at + shift})


async def _live(
    shop: Shop,
    rng: random.Random,
    buyer: str,
    document: Json,
    drawn: list[Order],
    deeds: list[Deed],
    gone: set[str],
    zone: ZoneInfo,
) -> tuple[list[Left], list[Deed]]:
    """Tell orders, returns, activities and reversals in any order, and return what is left, with the tiers that were frozen."""
    sold = {made.key: bought_as(buyer, made) for made in drawn}
    backs = {}
    for made in drawn:
        units = made.units()
        rng.shuffle(units)
        backs[made.key] = units[: rng.choice((0, rng.randint(0, len(units)), len(units)))]
    steps: list[tuple[str, str]] = [("buy", made.key) for made in drawn] + [
        ("return", made.key) for made in drawn
    ]
    steps += [("act", deed.key) for deed in deeds] + [("undo", key) for key in gone]
    rng.shuffle(steps)
    named, records = {deed.key: deed for deed in deeds}, dict[str, ActivityRecord]()
    while steps:
        verb, key = steps.pop(0)
        match verb:
            case "buy":
                await shop.tell(sold[key])
            case "return" if backs[key]:  # one before its purchase waits for it
                await shop.tell(*(returned(sold[key], [(line, unit, unit)]) for line, unit in backs[key]))
            case "act":
                deed = named[key]
                (records[key],) = await act(shop, activity(buyer, deed.kind, deed.at, deed.facts, key))
            case "undo" if key in records:
                await undo(shop, records[key])
            case "undo":
                steps.append((verb, key))
    lefts = []
    for made in drawn:
        (row,) = await shop.rows(purchase_table, purchase_table.c.purchase_id == sold[made.key].purchase_id)
        frozen = Order(**{**vars(made), "tier": "member" if row.context is None else row.context.tier})
        lefts.append(Left(frozen, [unit for unit in frozen.units() if unit not in backs[made.key]]))
    done = []
    for deed in deeds:
        context = records[deed.key].context
        tier = "member" if context is None else context.tier
        done += [Deed(**{**vars(deed), "tier": tier})] if deed.key not in gone else []
    return lefts, done
