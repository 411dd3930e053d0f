"""Promotions over HTTP: published with the rules, quoted, held, committed and returned."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from tests.loyalty.checkout.api.test_holds import cart, commit, hold, post, refused, shown
from tests.loyalty.earning.domain.rule_oracle import Json
from tests.loyalty.earning.ruled import put_rules
from tests.loyalty.promotions.promoted import (
    BASE,
    CUPS,
    FROM_300,
    SHIPPING,
    TEA,
    THREE_CUPS,
    open_promotions,
    quoted,
)
from tests.loyalty.shop import START, Shop, bought


@pytest.fixture
async def member(shop: Shop) -> str:
    """A member with 1,000 points of 0.10 each, of the tier gold, in a shop with three promotions."""
    return await open_promotions(shop)


async def test_a_quote_shows_lines_discounts_and_what_is_missing(shop: Shop, member: str) -> None:
    quote = await quoted(
        shop, {"customer_id": member, "lines": [TEA, CUPS], "shipping_minor": 1_200, "points": 1_000}
    )
    guest = await quoted(shop, {"lines": [{**TEA, "amount_minor": 29_999}], "shipping_minor": 500})

    # The cups cost 33.33, 33.33 and 33.34: the cheapest one is free. 366.67 are left, so 30.00 go off.
    assert quote["lines"] == [shown(1, TEA, 2_455), shown(2, CUPS, 3_333 + 545)]
    assert quote["discounts"] == {
        "amount_minor": 7_333,
        "applied": [
            {"promotion": "three_cups", "amount_minor": 3_333, "lines": [{"line": 2, "amount_minor": 3_333}], "shipping_minor": 0, "gift": None},
            {
                "promotion": "from_300", "amount_minor": 3_000,
                "lines": [{"line": 1, "amount_minor": 2_455}, {"line": 2, "amount_minor": 545}], "shipping_minor": 0, "gift": None,
            },
            {"promotion": "shipping", "amount_minor": 1_000, "lines": [], "shipping_minor": 1_000, "gift": None},
        ],
        "rejected": [],
    }  # fmt: skip
    assert (quote["amount_minor"], quote["shipping_minor"], quote["payable_minor"]) == (40_000, 1_200, 33_867)
    assert (quote["points"]["pays_minor"], quote["points"]["due_minor"]) == (10_000, 23_867)
    assert (quote["earns"]["points"], quote["tier"]) == (336, "gold"), "⌊336.67⌋: shipping earns nothing"
    assert guest["discounts"] == {
        "amount_minor": 0,
        "applied": [],
        "rejected": [
            {"promotion": "from_300", "reason": "below", "fact": "order.amount", "missing": 1},
            {"promotion": "shipping", "reason": "condition", "fact": "member.tier", "missing": None},
            {"promotion": "three_cups", "reason": "no_line", "fact": None, "missing": None},
        ],
    }
    assert guest["payable_minor"] == 30_499


async def test_a_purchase_of_the_net_amounts_earns_what_the_quote_says(shop: Shop, member: str) -> None:
    quote = await quoted(shop, {"customer_id": member, "lines": [TEA, CUPS]})
    before = await shop.active(member)
    await shop.tell(bought(member, [(line["quantity"], line["net_minor"]) for line in quote["lines"]], START))

    assert await shop.active(member) - before == quote["earns"]["points"]


async def test_a_hold_is_refused_when_the_discounts_changed(shop: Shop, member: str) -> None:
    body = cart(member, lines=[TEA, CUPS], points=100)
    quote = await quoted(shop, body)
    await put_rules(
        shop, {"rules": [BASE], "promotions": [THREE_CUPS]}, version=2, begins=START + timedelta(minutes=5)
    )
    shop.clock.advance(timedelta(minutes=6))
    answer = await post(shop.operator(), "/v1/holds", {**body, "quote_hash": quote["hash"]})

    assert refused(answer) == (409, "quote_changed")
    assert answer.json()["differs"] == ["rules", "discounts", "earned"]


async def test_a_gift_is_added_and_kept_by_the_hold(shop: Shop, member: str) -> None:
    spoon: Json = {
        "code": "spoon", "kind": "gift", "sku": "SPOON", "quantity": 2, "when": {"op": "ge", "fact": "order.amount", "value": {"CNY": 27_000}},
    }  # fmt: skip
    document = {
        "rules": [BASE],
        "promotions": [FROM_300, spoon, {**spoon, "code": "only_spoon", "exclusive": True}],
    }
    await put_rules(shop, document, version=2, begins=START + timedelta(minutes=1))
    shop.clock.advance(timedelta(minutes=2))
    short = await quoted(shop, {"lines": [{**TEA, "amount_minor": 26_999}]})
    quote = await quoted(shop, {"lines": [TEA]})
    cheap = await quoted(shop, {"lines": [{**TEA, "amount_minor": 28_000}]})
    held = await hold(shop, member, lines=[TEA], points=100)
    read = (await shop.operator().get(f"/v1/holds/{held['id']}")).json()
    done = await commit(shop, held, lines=[{"line": 1, "quantity": 1}])
    order = (await shop.operator().get(f"/v1/holds/{held['id']}")).json()["order"]

    gift = {"sku": "SPOON", "quantity": 2}
    given = {"promotion": "spoon", "amount_minor": 0, "lines": [], "shipping_minor": 0, "gift": gift}
    refusals = {
        refusal["promotion"]: (refusal["reason"], refusal["missing"])
        for refusal in short["discounts"]["rejected"]
    }
    assert refusals["spoon"] == ("condition", 1)
    assert quote["discounts"]["applied"][1:] == [given], "27,000 are left after the discount of the order"
    assert cheap["discounts"]["applied"] == [given], "an exclusive gift is no more than this one"
    assert (read["discounts"][1], done.status_code, order["discounts"][1]) == (given, 200, given)


async def test_a_cart_that_costs_nothing_is_paid_with_no_points(shop: Shop, member: str) -> None:
    free: Json = {"code": "all", "kind": "percent_off", "percent": 100}
    await put_rules(
        shop, {"rules": [BASE], "promotions": [free]}, version=2, begins=START + timedelta(minutes=1)
    )
    shop.clock.advance(timedelta(minutes=2))
    quote = await quoted(shop, {"customer_id": member, "lines": [TEA, CUPS]})
    held = await post(shop.operator(), "/v1/holds", cart(member, lines=[TEA, CUPS], points=1))

    assert (quote["payable_minor"], quote["points"]["usable"], quote["earns"]["points"]) == (0, 0, 0)
    assert refused(held) == (422, "points_worth_nothing")


async def test_the_difference_is_said_in_both_languages(shop: Shop) -> None:
    await put_rules(shop, {"rules": [BASE], "promotions": [THREE_CUPS]})
    changed: dict[str, Any] = {**THREE_CUPS, "times": 2}
    await put_rules(
        shop,
        {"rules": [BASE], "promotions": [changed, FROM_300]},
        version=2,
        begins=START + timedelta(days=1),
    )
    said = []
    for spoken in ("en", "zh"):
        answer = await shop.operator().get(
            "/v1/rulebooks/rules_2/changes", headers={"Accept-Language": spoken}
        )
        said.append([item["detail"] for item in answer.json()["items"]])

    assert said[0][0].startswith('Promotion from_300 is new: {"base": "before", "code": "from_300"')
    assert said[0][1] == "Promotion three_cups: times was – and is 2."
    assert said[1][1] == "促销 three_cups：times 由 – 改为 2。"


async def test_a_document_is_checked_with_pointers(shop: Shop) -> None:
    wrong: Json = {**FROM_300, "steps": [*reversed(FROM_300["steps"])]}
    answer = await shop.operator("manager").post(
        "/v1/rulebooks:validate",
        json={"document": {"rules": [BASE], "promotions": [wrong, {**SHIPPING, "kind": "gold"}]}},
    )

    assert answer.status_code == 422
    assert [error["pointer"] for error in answer.json()["errors"]] == ["/document/promotions/1"]
    answer = await shop.operator("manager").post(
        "/v1/rulebooks:validate", json={"document": {"rules": [BASE], "promotions": [wrong]}}
    )
    assert [(error["pointer"], error["code"]) for error in answer.json()["errors"]] == [
        ("/document/promotions/0/steps/1", "steps_not_rising")
    ]
