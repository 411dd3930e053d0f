"""Budgets through the real consumer's transaction: first booked, first served, never exceeded, given back once."""

from __future__ import annotations

import asyncio
import random
from datetime import timedelta
from typing import Any

from sqlalchemy import update

from services.loyalty.earning.storage.tables import counter, quota
from services.loyalty.ledger.storage.tables import lot
from shared.consume.apply import Outcome
from shared.db import failures
from shared.events.base import Event
from shared.events.profile import PurchaseRecorded
from tests.conftest import SEED
from tests.loyalty.earning.domain.rule_oracle import Json
from tests.loyalty.earning.domain.rule_worlds import random_document, random_order
from tests.loyalty.earning.ruled import bought_as, order, put_rules
from tests.loyalty.shop import START, Shop, customer, registered, returned
from tests.parts import databases
from tests.parts.sampling import limit

BASE: Json = {"code": "base", "kind": "points_per_amount", "rates": {"CNY": 1}, "budget": "spring"}
SPRING: Json = {"code": "spring", "period": "month", "ceiling": 100}
DAY = timedelta(days=1)
WORLDS = {"sqlite": limit(6, 60), "postgresql": limit(2, 20)}
WORLDS_MAX = 100
"""There are more worlds than `WORLDS` only while no point was earned in any, which would prove nothing."""


def back(bought: PurchaseRecorded) -> Event:
    return returned(bought, [(line.line, 1, line.quantity) for line in bought.lines])


async def used(shop: Shop) -> list[int]:
    return [row.used for row in await shop.rows(quota)]


async def test_a_budget_serves_who_is_booked_first_and_gets_back_what_is_returned(shop: Shop) -> None:
    first, second, third = customer(), customer(), customer()
    await put_rules(shop, {"rules": [BASE], "budgets": [SPRING]})
    large = order(first, [(2, 8_000)])

    await shop.tell(large, order(second, [(1, 4_000)]), order(third, [(1, 900)]))
    assert [await shop.active(member) for member in (first, second, third)] == [80, 20, 0]
    assert await used(shop) == [100]
    await shop.check()
    await shop.tell(returned(large, [(1, 1, 1)]))
    assert await used(shop) == [60]
    await shop.tell(order(third, [(1, 900)], START + DAY), returned(large, [(1, 2, 2)]))

    assert [await shop.active(member) for member in (first, second, third)] == [0, 20, 9]
    assert await used(shop) == [29]
    page = (await shop.operator().get(f"/v1/members/{third}/ledger")).json()["items"]
    assert [entry["outcome"] for entry in page] == ["earned", "budget_exhausted"]
    await shop.tell(order(third, [(1, 50_000)], START + 40 * DAY))
    assert sorted(await used(shop)) == [29, 100], "each period has a budget of its own"
    await shop.check()


async def test_what_a_budget_refused_was_never_wanted_of_a_cap(shop: Shop) -> None:
    """H4: otherwise the next return would be paid by the cap from what the budget had refused."""
    buyer = customer()
    caps = [{"code": "life", "period": "lifetime", "limit": 90}]
    await put_rules(shop, {"rules": [{**BASE, "cap": "life"}], "caps": caps, "budgets": [SPRING]})
    await shop.tell(order(customer(), [(1, 7_000)]))
    mine, more = order(buyer, [(1, 8_000)]), order(buyer, [(1, 5_000)])

    await shop.tell(mine)
    assert await shop.active(buyer) == 30
    await shop.tell(more)
    await shop.tell(back(more))

    assert await shop.active(buyer) == 30
    counted = sorted((row.measure, row.granted) for row in await shop.rows(counter))
    assert counted == [(30, 30), (70, 70)]
    await shop.check()
    await shop.tell(back(mine))
    assert (await shop.active(buyer), await used(shop)) == (0, [70])
    await shop.check()


async def test_a_bonus_that_was_cut_never_rises_by_a_return(shop: Shop) -> None:
    buyer = customer()
    bonus = {"code": "bonus", "kind": "fixed_bonus", "points": 150, "budget": "spring"}
    await put_rules(shop, {"rules": [bonus], "budgets": [SPRING]})
    bought = order(buyer, [(3, 3_000)])

    await shop.tell(bought)
    await shop.tell(returned(bought, [(1, 1, 1)]))
    assert (await shop.active(buyer), await used(shop)) == (100, [100])
    await shop.tell(returned(bought, [(1, 2, 3)]))

    assert (await shop.active(buyer), await used(shop)) == (0, [0])
    await shop.check()


async def test_a_goal_takes_its_points_of_a_budget(shop: Shop) -> None:
    members = [customer() for _ in range(3)]
    goal = {
        "code": "first",
        "measure": "purchases",
        "target": 1,
        "times": 1,
        "points": 60,
        "budget": "spring",
    }
    await put_rules(shop, {"rules": [], "goals": [goal], "budgets": [SPRING]})
    bought = [order(member, [(1, 100)]) for member in members]

    await shop.tell(*bought)

    assert [await shop.active(member) for member in members] == [60, 40, 0]
    assert await used(shop) == [100]
    await shop.check()
    await shop.tell(*map(back, bought))
    assert [await shop.active(member) for member in members] == [0, 0, 0]
    assert await used(shop) == [0]
    await shop.check()


async def test_verify_finds_a_budget_that_no_lot_explains(shop: Shop) -> None:
    await put_rules(shop, {"rules": [BASE], "budgets": [SPRING]})
    await shop.tell(order(customer(), [(1, 4_000)]))
    async with shop.database.begin() as tx:
        await tx.execute(update(quota).values(used=41))

    assert [drift.rule for drift in await shop.drift()] == ["budget_is_its_lots"]


async def test_a_storm_on_a_budget_grants_exactly_what_it_has(shop: Shop) -> None:
    """I8: purchases and returns at once, and nobody is refused while there is room."""
    members = [customer() for _ in range(24)]
    await put_rules(shop, {"rules": [BASE], "budgets": [{**SPRING, "ceiling": 500}]})
    await shop.tell(*(registered(member, START) for member in members))
    bought = [order(member, [(1, 2_900)]) for member in members]

    await asyncio.gather(*(_until_applied(shop, purchase) for purchase in bought))
    rows = await shop.rows(quota)
    assert [(row.used, row.ceiling) for row in rows] == [(500, 500)]
    points = [await shop.active(member) for member in members]
    assert sorted(points, reverse=True) == [29] * 17 + [7] + [0] * 6
    await shop.check()
    more = [order(member, [(1, 2_900)], START + DAY) for member in members]
    told = [
        _until_applied(shop, event) for pair in zip(map(back, bought), more, strict=True) for event in pair
    ]
    await asyncio.gather(*told)

    assert max(await used(shop)) <= 500
    await shop.check()


async def _until_applied(shop: Shop, event: Event) -> Outcome:
    """Apply an event as the consumer does: what passes is tried again."""
    for _ in range(50):
        try:
            return await shop.tell(event)
        except Exception as error:
            if not failures.is_transient(error):
                raise
    raise AssertionError("it did not pass")


async def test_buying_and_returning_at_once_changes_no_budget(shop: Shop, kind: databases.Kind) -> None:
    """H4 and H7, with random rules, caps, groups and goals."""
    for number in range(WORLDS_MAX):
        if number >= WORLDS[kind] and await shop.rows(lot):
            break
        rng = random.Random(f"budgets {SEED} {number}")
        document = random_document(rng, world=number)
        budgets = [{"code": f"budget{number}", "ceiling": rng.choice((20, 60, 200))}]
        for part in [*document["rules"], *document["goals"]]:
            part["budget"] = budgets[0]["code"]
        begins = None if number == 0 else START + number * timedelta(days=60)
        await put_rules(shop, {**document, "budgets": budgets}, version=number + 1, begins=begins)
        members = [customer() for _ in range(2)]
        for at in range(rng.randint(2, 5)):
            drawn = bought_as(rng.choice(members), random_order(rng, at, 1))
            moved = drawn.occurred_at + (begins - START if begins else timedelta())
            bought = drawn.model_copy(update={"occurred_at": moved})
            before = await _state(shop)
            await shop.tell(bought)
            if rng.random() < 0.5:
                await shop.tell(*(returned(bought, [(line.line, 1, line.quantity)]) for line in bought.lines))
                assert await _state(shop) == before, (number, document)
        await shop.check()
    assert await shop.rows(lot)


async def _state(shop: Shop) -> dict[str, Any]:
    """Return all budgets, and what is in counters and lots of anybody, without what is empty."""
    return {
        "budgets": {(row.key, row.period_from): row.used for row in await shop.rows(quota) if row.used},
        "counters": {
            (row.wallet_id, row.key, row.period_from): (row.measure, row.granted)
            for row in await shop.rows(counter)
            if (row.measure, row.granted) != (0, 0)
        },
        "lots": {
            row.id: row.issued - row.reversed for row in await shop.rows(lot) if row.issued > row.reversed
        },
    }
