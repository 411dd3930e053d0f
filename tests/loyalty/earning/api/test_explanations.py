"""The explanation of a purchase: what applied, what did not, and what was missing."""

from __future__ import annotations

from typing import Any

from tests.loyalty.earning.domain.rule_oracle import Json
from tests.loyalty.earning.ruled import order, put_rules
from tests.loyalty.shop import Shop, customer, returned

BASE: Json = {"code": "base", "kind": "points_per_amount", "rates": {"CNY": 1}}
BIG: Json = {"op": "ge", "fact": "order.amount", "value": {"CNY": 10_000}}
TEA: Json = {"op": "eq", "fact": "line.category", "value": "tea"}
THREE_TEAS: Json = {"op": "sum", "of": "quantity", "lines": TEA, "compare": "ge", "value": 3}


async def explained(shop: Shop, buyer: str) -> Any:
    (entry,) = (await shop.operator().get(f"/v1/members/{buyer}/ledger")).json()["items"]
    return (await shop.operator().get(f"/v1/members/{buyer}/ledger/{entry['id']}/explanation")).json()


async def test_it_names_what_applied_and_what_the_cap_let_through(shop: Shop) -> None:
    buyer = customer()
    twice = {"code": "tea", "kind": "multiplier", "percent": 200, "of": "base", "lines": TEA, "cap": "daily"}
    await put_rules(shop, {"rules": [BASE, twice], "caps": [{"code": "daily", "period": "day", "limit": 20}]})
    await shop.tell(order(buyer, [(1, 3_000), (1, 500)], categories={1: "tea"}))

    answer = await explained(shop, buyer)

    assert answer["applied"] == [
        {
            "rule": "base",
            "lines": None,
            "base_minor": 3_500,
            "wanted": 35,
            "granted": 35,
            "cap": None,
            "budget": None,
            "cut_by": None,
        },
        {
            "rule": "tea",
            "lines": [1],
            "base_minor": 3_000,
            "wanted": 30,
            "granted": 20,
            "cap": "daily",
            "budget": None,
            "cut_by": "cap",
        },
    ]
    assert (answer["rulebook"], answer["rejected"]) == (1, [])


async def test_what_is_missing_makes_the_rule_apply(shop: Shop) -> None:
    big = {"code": "big", "kind": "fixed_bonus", "points": 50, "when": BIG}
    many = {
        "code": "many",
        "kind": "fixed_bonus",
        "points": 50,
        "when": {"op": "any", "of": [BIG, THREE_TEAS]},
    }
    await put_rules(shop, {"rules": [BASE, big, many]})
    buyer, richer, thirstier = customer(), customer(), customer()

    await shop.tell(order(buyer, [(1, 3_000)], categories={1: "tea"}))
    answer = await explained(shop, buyer)

    assert answer["rejected"] == [
        {"rule": "big", "reason": "condition", "fact": "order.amount", "missing": 7_000},
        {"rule": "many", "reason": "condition", "fact": "sum.quantity", "missing": 2},
    ]
    await shop.tell(
        order(richer, [(1, 3_000 + 7_000)]), order(thirstier, [(1 + 2, 3_000)], categories={1: "tea"})
    )
    assert [rejected["rule"] for rejected in (await explained(shop, richer))["rejected"]] == []
    assert [rejected["rule"] for rejected in (await explained(shop, thirstier))["rejected"]] == ["big"]


async def test_reasons_have_codes(shop: Shop) -> None:
    buyer = customer()
    rules = [
        {**BASE, "rates": {"JPY": 1}},
        {"code": "double", "kind": "multiplier", "of": "base", "percent": 200},
        {"code": "future", "kind": "fixed_bonus", "points": 1, "begins_at": "2100-01-01T00:00:00Z"},
        {"code": "steps", "kind": "points_per_step", "steps": {"CNY": 9_000}, "points": 1},
        {"code": "tea", "kind": "points_per_unit", "points": 1, "lines": TEA},
    ]
    await put_rules(shop, {"rules": rules})
    await shop.tell(order(buyer, [(1, 3_000)]))

    reasons = {
        rejected["rule"]: rejected["reason"] for rejected in (await explained(shop, buyer))["rejected"]
    }

    assert reasons == {
        "base": "no_rate", "double": "nothing_to_multiply", "future": "not_in_force", "steps": "zero", "tea": "no_line",
    }  # fmt: skip


async def test_the_loser_of_a_group_is_told_so(shop: Shop) -> None:
    buyer = customer()
    rules = [{**BASE, "group": "g"}, {**BASE, "code": "better", "rates": {"CNY": 2}, "group": "g"}]
    await put_rules(shop, {"rules": rules, "groups": [{"code": "g", "stacking": "best"}]})
    await shop.tell(order(buyer, [(1, 3_000)]))

    answer = await explained(shop, buyer)

    assert [applied["rule"] for applied in answer["applied"]] == ["better"]
    assert [rejected["reason"] for rejected in answer["rejected"]] == ["less_than_best"]


async def test_only_purchases_of_the_member_are_explained(shop: Shop) -> None:
    buyer, other = customer(), customer()
    bought = order(buyer, [(2, 3_000)])
    await shop.tell(bought, returned(bought, [(1, 2, 2)]), order(other, [(1, 100)]))
    entries = (await shop.operator().get(f"/v1/members/{buyer}/ledger")).json()["items"]
    ids = {entry["kind"]: entry["id"] for entry in entries}

    async def code(reader: str, entry_id: str) -> str | None:
        address = f"/v1/members/{reader}/ledger/{entry_id}/explanation"
        refusal: str | None = (await shop.operator().get(address)).json().get("code")
        return refusal

    assert await code(buyer, ids["purchase"]) is None
    assert await code(buyer, ids["return"]) == "purchase_entry_not_found"
    assert await code(other, ids["purchase"]) == "purchase_entry_not_found"
    own = await shop.customer(buyer).get(f"/v1/members/me/ledger/{ids['purchase']}/explanation")
    assert own.status_code == 200
