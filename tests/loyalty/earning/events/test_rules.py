"""Rules, groups and caps through the real consumer's transaction, with what returns take back."""

from __future__ import annotations

import random
from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import select, update

from services.loyalty.earning.domain.compiling import DOCUMENT_POINTS_MAX
from services.loyalty.earning.steps.counters import load_levels
from services.loyalty.earning.storage.tables import CounterRecord, counter
from services.loyalty.ledger.steps.lock_wallets import lock_wallets
from services.loyalty.ledger.steps.lots import load_of_purchases
from services.loyalty.ledger.storage.tables import lot
from services.loyalty.purchases.steps import recording
from services.loyalty.purchases.storage.tables import purchase as purchase_table
from shared.events.profile import PurchaseRecorded
from shared.limits import ORDER_AMOUNT_MAX
from tests.conftest import SEED
from tests.loyalty.earning.domain.rule_oracle import Json, Left, Order, RuleOracle
from tests.loyalty.earning.domain.rule_worlds import random_document, random_order
from tests.loyalty.earning.ruled import bought_as, order, put_rules
from tests.loyalty.shop import START, Shop, customer, merged, returned
from tests.parts import databases
from tests.parts.sampling import limit

BASE: Json = {"code": "base", "kind": "points_per_amount", "rates": {"CNY": 1}}
DAY = timedelta(days=1)
WORLDS = {"sqlite": limit(6, 60), "postgresql": limit(2, 20)}


async def test_a_multiplier_and_a_bonus_are_grants_of_their_own(shop: Shop) -> None:
    buyer = customer()
    tea = {"op": "eq", "fact": "line.category", "value": "tea"}
    big = {"op": "ge", "fact": "order.amount", "value": {"CNY": 10_000}}
    double = {"code": "tea", "kind": "multiplier", "percent": 200, "of": "base", "lines": tea}
    bonus = {"code": "big", "kind": "fixed_bonus", "points": 50, "when": big}
    await put_rules(shop, {"rules": [BASE, double, bonus]})
    bought = order(buyer, [(2, 6_000), (1, 5_000)], categories={1: "tea"})

    await shop.tell(bought)
    assert await shop.active(buyer) == 110 + 60 + 50
    await shop.tell(returned(bought, [(1, 2, 2)]))

    assert await shop.active(buyer) == 80 + 30
    await shop.check()
    await shop.tell(returned(bought, [(1, 1, 1), (2, 1, 1)]))
    assert await shop.active(buyer) == 0
    await shop.check()


async def test_what_a_return_cannot_take_of_its_own_lots_it_takes_of_the_latest_ones(shop: Shop) -> None:
    buyer, caps = customer(), [{"code": "life", "period": "lifetime", "limit": 100}]
    await put_rules(shop, {"rules": [{**BASE, "cap": "life"}], "caps": caps})
    first, second, third = (order(buyer, [(1, 6_000)], START + day * DAY) for day in range(3))
    await shop.tell(first, second, third)

    await shop.tell(returned(first, [(1, 1, 1)]), returned(third, [(1, 1, 1)]))

    lots = sorted(await shop.rows(lot, lot.c.issued > 0), key=lambda row: row.id)
    assert [(row.issued, row.remaining) for row in lots] == [(60, 60), (40, 0)]
    assert await shop.active(buyer) == 60
    await shop.check()


async def test_what_a_cap_cut_counts_once_there_is_room(shop: Shop) -> None:
    buyer = customer()
    caps = [
        {"code": "daily", "period": "day", "limit": 100, "within": "monthly"},
        {"code": "monthly", "period": "month", "limit": 150},
    ]
    await put_rules(shop, {"rules": [{**BASE, "cap": "daily"}], "caps": caps})
    first, second = order(buyer, [(1, 8_000)]), order(buyer, [(1, 9_000)])
    later = order(buyer, [(1, 9_000)], START + DAY)

    await shop.tell(first, second, later)
    assert await shop.active(buyer) == 150
    await shop.check()
    await shop.tell(returned(first, [(1, 1, 1)]))

    assert await shop.active(buyer) == 150
    await shop.tell(returned(later, [(1, 1, 1)]))
    assert await shop.active(buyer) == 90
    await shop.check()
    await shop.tell(returned(second, [(1, 1, 1)]))
    assert await shop.active(buyer) == 0
    await shop.check()


async def test_a_purchase_that_a_cap_cut_to_nothing_says_so(shop: Shop) -> None:
    buyer = customer()
    caps = [{"code": "daily", "period": "day", "limit": 10}]
    await put_rules(shop, {"rules": [{**BASE, "cap": "daily"}], "caps": caps})

    await shop.tell(order(buyer, [(1, 1_000)]))
    await shop.tell(order(buyer, [(1, 5_000)]))

    page = (await shop.operator().get(f"/v1/members/{buyer}/ledger")).json()
    assert sorted(entry["outcome"] for entry in page["items"]) == ["cap_reached", "earned"]
    lots = (await shop.operator().get(f"/v1/members/{buyer}/lots")).json()
    assert [shown["issued"] for shown in lots["items"]] == [10]
    await shop.check()


async def test_the_tier_that_a_rule_looks_at_is_the_one_before_the_purchase(shop: Shop) -> None:
    buyer = customer()
    silver = {"op": "in", "fact": "member.tier", "values": ["silver", "gold"]}
    await put_rules(
        shop,
        {"rules": [BASE, {"code": "s", "kind": "multiplier", "percent": 150, "of": "base", "when": silver}]},
    )
    lifts, doubled = order(buyer, [(1, 100_000)]), order(buyer, [(1, 10_000)], START + DAY)
    late = order(buyer, [(1, 10_000)], START - DAY)

    await shop.tell(lifts, doubled)
    assert await shop.active(buyer) == 1_000 + 150
    await shop.tell(late)
    assert await shop.active(buyer) == 1_000 + 150 + 100
    await shop.tell(returned(lifts, [(1, 1, 1)]))

    assert await shop.active(buyer) == 150 + 100  # the tier of then is frozen
    await shop.check()


async def test_a_purchase_earns_by_the_version_of_its_time(shop: Shop) -> None:
    buyer = customer()
    await put_rules(shop, {"rules": [BASE]})
    await put_rules(shop, {"rules": [{**BASE, "rates": {"CNY": 3}}]}, version=2, begins=START + DAY)
    before, after = order(buyer, [(2, 2_000)]), order(buyer, [(2, 2_000)], START + DAY)

    await shop.tell(after, before)
    assert await shop.active(buyer) == 20 + 60
    await shop.tell(returned(after, [(1, 1, 1)]), returned(before, [(1, 1, 1)]))

    assert await shop.active(buyer) == 10 + 30
    rows = await shop.rows(purchase_table)
    assert sorted(row.rulebook for row in rows) == [1, 2]
    await shop.check()


async def test_members_who_were_merged_share_a_cap(shop: Shop) -> None:
    one, other = customer(), customer()
    caps = [{"code": "life", "period": "lifetime", "limit": 100}]
    await put_rules(shop, {"rules": [{**BASE, "cap": "life"}], "caps": caps})
    first, second = order(one, [(1, 8_000)]), order(other, [(1, 8_000)])

    await shop.tell(first)
    await shop.tell(merged(other, one, 1, START))
    await shop.tell(second)
    assert await shop.active(one) == 100
    await shop.check()
    await shop.tell(returned(first, [(1, 1, 1)]))

    assert await shop.active(one) == 80
    await shop.check()
    await shop.tell(returned(second, [(1, 1, 1)]))
    assert await shop.active(one) == 0
    await shop.check()


async def test_a_return_loads_the_latest_lots_of_a_cap_as_far_as_they_are_needed(shop: Shop) -> None:
    buyer = customer()
    caps = [{"code": "life", "period": "lifetime", "limit": 400}]
    await put_rules(shop, {"rules": [{**BASE, "cap": "life"}], "caps": caps})
    orders = [order(buyer, [(1, 1_000)], START + number * DAY) for number in range(45)]
    await shop.tell(*orders)
    stored = await shop.rows(lot, lot.c.identity_id == buyer)
    ids = [row.id for row in sorted(stored, key=lambda row: row.earned_at)]

    async with shop.database.begin() as tx:
        locked = await lock_wallets(tx, {buyer})
        purchases = await recording.find(tx, [orders[1].purchase_id, orders[44].purchase_id])
        whole, cut = purchases[orders[1].purchase_id], purchases[orders[44].purchase_id]
        earned = await load_of_purchases(tx, locked, [whole.id, cut.id])
        own = await load_levels(tx, locked, [(whole, earned[whole.id][0])])
        assert [drawn.id for lots in own.capped.values() for drawn in lots] == [ids[1]]
        more = await load_levels(tx, locked, [(cut, earned[cut.id][0])])
        assert ids[39] in [drawn.id for lots in more.capped.values() for drawn in lots]

    await shop.tell(*(returned(bought, [(1, 1, 1)]) for bought in (orders[44], orders[1], orders[2])))
    assert await shop.active(buyer) == 400
    await shop.tell(*(returned(bought, [(1, 1, 1)]) for bought in orders[3:44]))
    assert await shop.active(buyer) == 10
    await shop.check()


@pytest.mark.parametrize(
    ("kind_of_rule", "rules", "lines"),
    [
        ({"kind": "points_per_step", "steps": {"CNY": 1}, "points": 10_000, "cap": "life"}, 1, 10),
        ({"kind": "points_per_step", "steps": {"CNY": 1}, "points": 10_000}, 10, 10),
        ({"kind": "points_per_unit", "points": 100_000}, 100, 100),
    ],
)
async def test_no_document_lets_points_pass_64_bits(
    shop: Shop, kind_of_rule: Json, rules: int, lines: int
) -> None:
    buyer = customer()
    cap = {"code": "life", "period": "lifetime", "limit": 1_000}
    numbered = [{"code": f"rule_{number}", **kind_of_rule} for number in range(rules)]
    await put_rules(shop, {"rules": numbered, "caps": [cap]})
    largest = [(1_000_000_000, ORDER_AMOUNT_MAX // lines)] * lines
    orders = [order(buyer, largest) for _ in range(95 if rules == 1 else 11)]

    for bought in orders:
        await shop.tell(bought)

    points = await shop.active(buyer)
    assert points == (1_000 if rules == 1 else len(orders) * DOCUMENT_POINTS_MAX) < 2**53
    await shop.tell(returned(orders[0], [(line + 1, 1, 1_000_000_000) for line in range(lines)]))
    assert await shop.active(buyer) == (1_000 if rules == 1 else points - DOCUMENT_POINTS_MAX)
    await shop.check()


async def test_verify_finds_counters_that_no_lot_explains(shop: Shop) -> None:
    buyer = customer()
    caps = [{"code": "day", "period": "day", "limit": 100, "within": "month"}]
    caps.append({"code": "month", "period": "month", "limit": 150})
    await put_rules(shop, {"rules": [{**BASE, "cap": "day"}], "caps": caps})
    await shop.tell(order(buyer, [(1, 20_000)]))
    (day,) = await shop.rows(counter, counter.c.key == "cap:day")

    async with shop.database.begin() as tx:
        await tx.insert_records(
            counter, [CounterRecord(day.wallet_id, "cap:month", day.period_from - 99 * DAY, 0, 50)]
        )
        await tx.execute(update(counter).where(counter.c.key == "cap:day").values(granted=101))
        await tx.execute(
            update(counter).where(counter.c.key == "cap:month", counter.c.measure > 0).values(measure=101)
        )

    drifts = await shop.drift()
    assert sorted(drift.rule for drift in drifts) == ["cap_holds", "counter_is_its_lots"]


async def test_random_rules_through_the_ledger(shop: Shop, kind: databases.Kind) -> None:
    """T1 and T4: what is left is what the oracle says, and nothing has drifted."""
    zone = shop.runtime.context.settings.zone
    for number in range(WORLDS[kind]):
        rng = random.Random(f"{SEED} {number}")
        buyer, document = customer(), random_document(rng, world=number)
        version, begins = number + 1, None if number == 0 else START + number * timedelta(days=60)
        await put_rules(shop, document, version=version, begins=begins)
        oracle, lefts, sold = RuleOracle(document, ZoneInfo(zone)), [], []
        for at in range(rng.randint(1, 4)):
            drawn = random_order(rng, at, 1)
            moved = Order(**{**vars(drawn), "at": drawn.at + (begins - START if begins else timedelta())})
            bought = bought_as(buyer, moved)
            await shop.tell(bought)
            oracle.book(_with_tier(moved, await _tier_of(shop, bought)))
            sold.append((bought, _with_tier(moved, await _tier_of(shop, bought))))
        for bought, taken in sold:
            units = taken.units()
            rng.shuffle(units)
            gone = rng.randint(0, len(units))
            for line, unit in units[:gone]:
                await shop.tell(returned(bought, [(line, unit, unit)]))
            lefts.append(Left(taken, units[gone:]))

        assert await shop.active(buyer) == oracle.total(lefts), (number, document)
        async with shop.database.read() as read:
            issued = await read.all(select(lot.c.issued - lot.c.reversed).where(lot.c.identity_id == buyer))
        assert sum(points for (points,) in issued) == oracle.total(lefts)
        await shop.check()


async def _tier_of(shop: Shop, bought: PurchaseRecorded) -> str:
    """Return the tier that the rules saw; any, if they did not look."""
    (row,) = await shop.rows(purchase_table, purchase_table.c.purchase_id == bought.purchase_id)
    return "member" if row.context is None else str(row.context.tier)


def _with_tier(drawn: Order, tier: str) -> Order:
    return Order(**{**vars(drawn), "tier": tier})
