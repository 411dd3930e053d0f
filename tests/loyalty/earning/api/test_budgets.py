"""Budgets over HTTP: read, changed, refused, simulated, and told as differences."""

from __future__ import annotations

from datetime import timedelta

from tests.loyalty.earning.api.test_rulebooks import publish
from tests.loyalty.earning.api.test_simulations import simulate
from tests.loyalty.earning.domain.rule_oracle import Json
from tests.loyalty.earning.ruled import order, put_rules
from tests.loyalty.shop import START, Shop, customer

BASE: Json = {"code": "base", "kind": "points_per_amount", "rates": {"CNY": 1}, "budget": "spring"}
SPRING: Json = {"code": "spring", "period": "month", "ceiling": 100}
HOUR = timedelta(hours=1)


async def test_an_operator_reads_a_budget_and_changes_its_ceiling(shop: Shop) -> None:
    buyer = customer()
    assert (await shop.operator().get("/v1/budgets")).json() == {"budgets": []}
    await put_rules(shop, {"rules": [BASE], "budgets": [SPRING]})
    state = {"budget": "spring", "period": "month", "period_from": "2026-03-01", "held": 0}
    fresh = (await shop.operator("viewer").get("/v1/budgets")).json()
    assert fresh == {"budgets": [{**state, "ceiling": 100, "used": 0, "room": 100}]}

    await shop.tell(order(buyer, [(1, 13_000)]))
    used = (await shop.operator().get("/v1/budgets")).json()
    assert used == {"budgets": [{**state, "ceiling": 100, "used": 100, "room": 0}]}
    path = "/v1/budgets/spring/ceiling"
    more = await shop.operator().put(path, json={"ceiling": 150})

    assert (more.status_code, more.json()) == (200, {**state, "ceiling": 150, "used": 100, "room": 50})
    await shop.tell(order(buyer, [(1, 13_000)]))
    assert await shop.active(buyer) == 150
    below = await shop.operator().put(path, json={"ceiling": 149})
    assert (below.status_code, below.json()["code"]) == (409, "ceiling_below_use")
    assert "150" in below.json()["detail"]
    unknown = await shop.operator().put("/v1/budgets/none/ceiling", json={"ceiling": 1})
    assert (unknown.status_code, unknown.json()["code"]) == (404, "budget_not_found")
    assert (await shop.operator("agent").put(path, json={"ceiling": 200})).status_code == 403
    assert (await shop.operator().put(path, json={"ceiling": 0})).status_code == 422
    acts = (await shop.operator("admin").get("/v1/audit?operation=set_budget_ceiling")).json()["items"]
    assert [act["changes"] for act in acts if act["changes"]] == [
        [{"object_id": "spring", "field": "ceiling", "before": 100, "after": 150}]
    ]
    await shop.check()


async def test_a_simulation_grants_what_a_budget_has_room_for(shop: Shop) -> None:
    await put_rules(shop, {"rules": [BASE], "budgets": [SPRING]})
    await shop.tell(order(customer(), [(1, 7_000)]))

    answer = await simulate(shop)

    assert answer["points"] == 30
    (rule,) = answer["applied"]
    assert [rule[name] for name in ("wanted", "granted", "budget", "cut_by")] == [80, 30, "spring", "budget"]


async def test_an_exhausted_budget_is_a_reason_and_no_failure(shop: Shop) -> None:
    """A quote, a simulation, a hold and an explanation say what the purchase gets: nothing, because of the budget."""
    buyer = customer()
    await put_rules(shop, {"rules": [BASE], "budgets": [SPRING]})
    await shop.tell(order(buyer, [(1, 20_000)]))
    cart = {"currency": "CNY", "lines": [{"sku": "TEA-1", "quantity": 1, "amount_minor": 8_000}]}

    quote = await shop.operator().post("/v1/quotes", json=cart)
    answer = await simulate(shop)
    await shop.tell(order(buyer, [(1, 8_000)]))

    assert quote.status_code == 200
    assert (quote.json()["earns"]["points"], answer["points"]) == (0, 0)
    explained = await explanation_of_last(shop, buyer)
    for applied in (quote.json()["earns"]["applied"], answer["applied"], explained["applied"]):
        (rule,) = applied
        assert [rule[name] for name in ("wanted", "granted", "budget", "cut_by")] == [
            80,
            0,
            "spring",
            "budget",
        ]
    assert await shop.active(buyer) == 100


async def test_a_cap_is_the_reason_where_the_budget_had_room(shop: Shop) -> None:
    capped: Json = {**BASE, "cap": "daily"}
    caps = [{"code": "daily", "period": "day", "limit": 50}]
    await put_rules(shop, {"rules": [capped], "budgets": [SPRING], "caps": caps})
    (by_cap,) = (await simulate(shop))["applied"]
    await shop.tell(*(order(customer(), [(1, 4_000)]) for _ in range(2)))
    (by_budget,) = (await simulate(shop))["applied"]
    assert [(rule["granted"], rule["cut_by"]) for rule in (by_cap, by_budget)] == [
        (50, "cap"),
        (20, "budget"),
    ]


async def test_a_goal_is_promised_what_its_budget_has_room_for(shop: Shop) -> None:
    """The rule is served first, as when the purchase is booked."""
    buyer = customer()
    goal: Json = {
        "code": "first",
        "measure": "purchases",
        "target": 1,
        "times": 1,
        "points": 50,
        "budget": "spring",
    }
    await put_rules(shop, {"rules": [BASE], "goals": [goal], "budgets": [{**SPRING, "ceiling": 90}]})

    answer = await simulate(shop)
    await shop.tell(order(buyer, [(1, 8_000)]))
    explained = await explanation_of_last(shop, buyer)

    assert (answer["points"], await shop.active(buyer)) == (90, 90)
    for goals in (answer["goals"], explained["goals"]):
        assert [(shown["completed"], shown["points"], shown["earned"]) for shown in goals] == [(1, 50, 10)]
    (later,) = (await simulate(shop))["goals"]
    assert (later["completed"], later["earned"]) == (1, 0)


async def explanation_of_last(shop: Shop, who: str) -> Json:
    """What the service says of the last purchase of a member."""
    client = shop.operator()
    entries = (await client.get(f"/v1/members/{who}/ledger")).json()["items"]
    last = next(entry["id"] for entry in entries if entry["kind"] == "purchase")
    explained: Json = (await client.get(f"/v1/members/{who}/ledger/{last}/explanation")).json()
    return explained


async def test_a_budget_keeps_its_period_over_versions(shop: Shop) -> None:
    assert (await publish(shop, START + HOUR, [BASE], budgets=[SPRING])).status_code == 201
    more = [{**SPRING, "ceiling": 200}]
    assert (await publish(shop, START + 2 * HOUR, [BASE], budgets=more)).status_code == 201

    changed = await publish(shop, START + 3 * HOUR, [BASE], budgets=[{**SPRING, "period": "year"}])
    assert (changed.status_code, changed.json()["code"]) == (409, "budget_changed")
    (difference,) = (await shop.operator().get("/v1/rulebooks/rules_3/changes")).json()["items"]
    assert difference["detail"] == "Budget spring: ceiling was 100 and is 200."
