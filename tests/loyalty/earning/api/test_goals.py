"""Goals over HTTP: published, shown, simulated, explained and backtested."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from tests.loyalty.earning.api.test_backtests import backtest
from tests.loyalty.earning.api.test_rulebooks import publish
from tests.loyalty.earning.api.test_simulations import simulate
from tests.loyalty.earning.domain.rule_oracle import Json
from tests.loyalty.earning.ruled import order, put_rules
from tests.loyalty.shop import START, Shop, customer, registered, returned

BASE: Json = {"code": "base", "kind": "points_per_amount", "rates": {"CNY": 1}}
FIFTH: Json = {"code": "fifth", "measure": "purchases", "target": 5, "points": 50}
BIG: Json = {"code": "big", "measure": "purchases", "target": 2, "times": 1, "points": 30, "when": {"op": "ge", "fact": "order.amount", "value": {"CNY": 10_000}}}  # fmt: skip
DAY, HOUR = timedelta(days=1), timedelta(hours=1)


async def goals_of(shop: Shop, member: str) -> dict[str, Any]:
    answer = await shop.operator().get(f"/v1/members/{member}/goals")
    assert answer.status_code == 200, answer.text
    return {goal["goal"]: goal for goal in answer.json()["goals"]}


async def test_a_member_sees_how_far_they_are(shop: Shop) -> None:
    buyer = customer()
    await put_rules(shop, {"rules": [BASE], "goals": [FIFTH, BIG]})
    await shop.tell(*(order(buyer, [(1, 2_000)], START - n * DAY) for n in range(6)))

    shown = await goals_of(shop, buyer)

    assert shown["fifth"] == {
        "goal": "fifth", "measure": "purchases", "period_from": "0001-01-01", "target": 5, "points": 50, "counted": 0,
        "reason": None, "fact": None, "missing": None, "completed": 0, "earned": 0, "reached": 6, "granted": 1, "to_go": 4,
    }  # fmt: skip
    assert (shown["big"]["reached"], shown["big"]["to_go"]) == (0, 2)
    unknown = await shop.operator().get(f"/v1/members/{customer()}/goals")
    assert (unknown.status_code, unknown.json()["code"]) == (404, "member_not_found")


async def test_a_simulated_purchase_counts_for_goals_as_the_purchase_does(shop: Shop) -> None:
    buyer = customer()
    await put_rules(shop, {"rules": [BASE], "goals": [FIFTH, BIG]})
    await shop.tell(*(order(buyer, [(1, 2_000)]) for _ in range(4)))

    answer = await simulate(shop, customer_id=buyer)
    shown = {goal["goal"]: goal for goal in answer["goals"]}

    assert answer["points"] == 80 + 50
    assert [shown["fifth"][name] for name in ("counted", "completed", "reached", "granted", "to_go")] == [
        1,
        1,
        5,
        1,
        5,
    ]
    assert [shown["big"][name] for name in ("counted", "reason", "fact", "missing")] == [
        0,
        "condition",
        "order.amount",
        2_000,
    ]
    before = await shop.active(buyer)
    await shop.tell(order(buyer, [(1, 8_000)]))
    assert await shop.active(buyer) - before == answer["points"]


async def test_a_draft_with_a_new_goal_pays_nobody_for_the_past(shop: Shop) -> None:
    buyer, new = customer(), customer()
    await put_rules(shop, {"rules": [BASE]})
    await shop.tell(*(order(buyer, [(1, 2_000)], START - DAY) for _ in range(5)), registered(new, START))
    first = {**FIFTH, "code": "first", "target": 1, "times": 1}

    old = await simulate(shop, customer_id=buyer, document={"rules": [BASE], "goals": [first]})
    other = await simulate(shop, customer_id=new, document={"rules": [BASE], "goals": [first]})

    assert (old["points"], old["goals"][0]["reached"], old["goals"][0]["to_go"]) == (80, 6, None)
    assert other["points"] == 80 + 50


async def test_a_completion_is_an_entry_and_is_explained(shop: Shop) -> None:
    buyer = customer()
    await put_rules(shop, {"rules": [BASE], "goals": [{**FIFTH, "target": 2}, BIG]})
    bought = [order(buyer, [(1, 2_000)]), order(buyer, [(2, 3_000)])]
    await shop.tell(*bought)

    page = (await shop.operator().get(f"/v1/members/{buyer}/ledger")).json()["items"]
    assert [(entry["kind"], entry["goal"], entry["change"]) for entry in page] == [
        ("goal", "fifth", 50),
        ("purchase", None, 30),
        ("purchase", None, 20),
    ]
    of_order = await shop.operator().get(f"/v1/members/{buyer}/ledger?purchase_id={bought[1].purchase_id}")
    assert [entry["kind"] for entry in of_order.json()["items"]] == ["goal", "purchase"]
    path = f"/v1/members/{buyer}/ledger/{page[1]['id']}/explanation"
    explained = (await shop.operator().get(path)).json()["goals"]
    assert [(goal["goal"], goal["counted"], goal["completed"], goal["missing"]) for goal in explained] == [
        ("fifth", 1, 1, None),
        ("big", 0, 0, 7_000),
    ]

    await shop.tell(returned(bought[0], [(1, 1, 1)]))
    explained = (await shop.operator().get(path)).json()["goals"]
    assert (explained[0]["completed"], explained[0]["reached"], explained[0]["granted"]) == (1, 1, 0)


async def test_a_goal_keeps_its_measure_target_and_period_over_versions(shop: Shop) -> None:
    assert (await publish(shop, START + HOUR, [BASE], goals=[FIFTH])).status_code == 201
    more = [{**FIFTH, "points": 60, "times": 3}]
    assert (await publish(shop, START + 2 * HOUR, [BASE], goals=more)).status_code == 201

    for change in ({"target": 4}, {"measure": "active_days"}, {"period": "month"}):
        changed = await publish(shop, START + 3 * HOUR, [BASE], goals=[{**FIFTH, **change}])
        assert (changed.status_code, changed.json()["code"]) == (409, "goal_changed")
    body = {"document": {"rules": [BASE], "goals": [{**FIFTH, "target": 4}]}}
    checked = await shop.operator().post("/v1/rulebooks:validate", json=body)
    assert (checked.status_code, checked.json()["code"]) == (409, "goal_changed")
    drafted = await shop.operator().put("/v1/rulebook-drafts/other", json=body)
    assert (drafted.status_code, drafted.json()["code"]) == (409, "goal_changed")


@pytest.mark.parametrize(
    ("goal", "pointer", "code"),
    [
        ({"measure": "visits"}, "/document/goals/0/measure", "not_allowed"),
        ({"target": 0}, "/document/goals/0/target", "too_small"),
        ({"times": 0}, "/document/goals/0/times", "too_small"),
        ({"points": 0}, "/document/goals/0/points", "too_small"),
        ({"cap": "daily"}, "/document/goals/0/cap", "unknown_field"),
        ({"currency": "CNY"}, "/document/goals/0/currency", "currency_of_amounts"),
    ],
)  # fmt: skip
async def test_a_faulty_goal_is_refused_with_its_place(
    shop: Shop, goal: Json, pointer: str, code: str
) -> None:
    refused = await publish(shop, START + HOUR, [BASE], goals=[{**FIFTH, **goal}])

    assert (refused.status_code, refused.json()["code"]) == (422, "rulebook_invalid")
    assert [(error["pointer"], error["code"]) for error in refused.json()["errors"]] == [(pointer, code)]


async def test_changes_of_goals_are_sentences(shop: Shop) -> None:
    await publish(shop, START + HOUR, [BASE], goals=[FIFTH])
    await publish(shop, START + 2 * HOUR, [BASE], goals=[{**FIFTH, "points": 60}])

    path = "/v1/rulebooks/rules_3/changes"
    (english,) = (await shop.operator().get(path)).json()["items"]
    (chinese,) = (await shop.operator().get(path, headers={"Accept-Language": "zh"})).json()["items"]

    assert english["detail"] == "Goal fifth: points was 50 and is 60."
    assert chinese["detail"] == "目标 fifth：points 由 50 改为 60。"


async def test_a_backtest_says_what_a_goal_costs(shop: Shop) -> None:
    buyer = customer()
    await put_rules(shop, {"rules": [BASE]})
    bought = [order(buyer, [(1, 1_000)]) for _ in range(11)]
    await shop.tell(*bought, returned(bought[0], [(1, 1, 1)]), returned(bought[1], [(1, 1, 1)]))

    _, rows = await backtest(shop, {"rules": [BASE], "goals": [FIFTH]})

    assert [row[3:] for row in rows if row[0] == "rule"] == [("base", 90, 90), ("fifth", 0, 50)]
