"""The prices of articles over HTTP: each is what a quote of it alone says, and what only an order can say is named."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.loyalty.checkout.api.test_holds import refused
from tests.loyalty.earning.domain.rule_oracle import Json
from tests.loyalty.earning.ruled import put_rules
from tests.loyalty.promotions.promoted import BASE, FROM_300, THREE_CUPS, quoted, rich
from tests.loyalty.shop import START, Shop, customer

GOLD: Json = {"op": "eq", "fact": "member.tier", "value": "gold"}
TEA_15: Json = {
    "code": "tea_15", "kind": "percent_off_lines", "percent": 15, "lines": {"op": "eq", "fact": "line.category", "value": "tea"},
}  # fmt: skip
GOLD_5: Json = {"code": "gold_5", "kind": "off_per_unit", "amounts": {"CNY": 500}, "when": GOLD}
PAIRS: Json = {
    "code": "pairs", "kind": "percent_off_lines", "percent": 5, "lines": {"op": "ge", "fact": "line.quantity", "value": 2},
}  # fmt: skip
LIMITED: Json = {"code": "limited", "kind": "percent_off_lines", "percent": 5, "at_most": {"CNY": 100}}
ALONE: Json = {"code": "alone", "kind": "percent_off_lines", "percent": 5, "exclusive": True}
DOUBLE: Json = {"code": "double", "kind": "multiplier", "of": "base", "percent": 200, "when": GOLD}
WELCOME: Json = {"code": "welcome", "kind": "fixed_bonus", "points": 7}
CAPPED: Json = {"code": "capped", "kind": "points_per_unit", "points": 3, "order_max": 5}
ON_TOP: Json = {"code": "on_top", "kind": "multiplier", "of": "capped", "percent": 200}
ARTICLES = [
    {"sku": "TEA", "amount_minor": 9_990, "category": "tea"},
    {"sku": "CUP", "amount_minor": 3_600, "category": "cup"},
    {"sku": "BAG", "amount_minor": 400},
]


async def priced(shop: Shop, body: Json | None = None) -> Json:
    answer = await shop.operator().post(
        "/v1/prices:batch", json={"currency": "CNY", "articles": ARTICLES, **(body or {})}
    )
    assert answer.status_code == 200, answer.text
    found: Json = answer.json()
    return found


@pytest.mark.parametrize("is_member", [False, True])
async def test_a_price_is_what_a_quote_of_the_article_alone_says(shop: Shop, is_member: bool) -> None:
    await put_rules(shop, {"rules": [BASE, DOUBLE], "promotions": [TEA_15, GOLD_5]})
    who: Json = {"customer_id": await rich(shop)} if is_member else {}

    prices = await priced(shop, who)

    assert (prices["rules"], prices["promotions"]) == ([], [])
    assert prices["tier"] == ("gold" if is_member else "member")
    for article, price in zip(ARTICLES, prices["items"], strict=True):
        quote = await quoted(shop, {**who, "lines": [{**article, "quantity": 1}]})
        assert price["price_minor"] == quote["payable_minor"]
        assert price["points"] == quote["earns"]["points"]
        assert price["promotions"] == [off["promotion"] for off in quote["discounts"]["applied"]]


async def test_what_only_a_whole_order_can_say_is_left_out_and_named(shop: Shop) -> None:
    document = {
        "rules": [BASE, WELCOME, CAPPED, ON_TOP],
        "promotions": [TEA_15, FROM_300, THREE_CUPS, PAIRS, LIMITED, ALONE],
    }
    await put_rules(shop, document)

    prices = await priced(shop)

    assert {left["code"]: left["why"] for left in prices["rules"]} == {
        "welcome": "order",
        "capped": "limit",
        "on_top": "limit",
    }
    assert {left["code"]: left["why"] for left in prices["promotions"]} == {
        "from_300": "order",
        "three_cups": "order",
        "pairs": "order",
        "limited": "limit",
        "alone": "exclusive",
    }
    assert [(price["price_minor"], price["points"]) for price in prices["items"]] == [
        (8_491, 84),
        (3_600, 36),
        (400, 4),
    ]


async def test_members_of_a_tier_share_a_key_and_those_of_another_have_their_own(shop: Shop) -> None:
    await put_rules(shop, {"rules": [BASE], "promotions": [GOLD_5]})
    gold, other = [await rich(shop), await rich(shop)], customer()

    keys = [(await priced(shop, {"customer_id": member}))["key"] for member in gold]
    nobody = (await priced(shop))["key"]
    in_shop = (await priced(shop, {"channel": "store"}))["key"]

    assert keys[0] == keys[1]
    assert len({keys[0], nobody, in_shop}) == 3
    unknown = await shop.operator().post(
        "/v1/prices:batch", json={"currency": "CNY", "articles": ARTICLES, "customer_id": other}
    )
    assert refused(unknown) == (404, "member_not_found")


async def test_a_price_is_good_until_a_promotion_begins_and_has_another_key_then(shop: Shop) -> None:
    soon = START + timedelta(minutes=5)
    sale = {"code": "sale", "kind": "fixed_price", "prices": {"CNY": 300}, "begins_at": soon.isoformat()}
    await put_rules(shop, {"rules": [BASE], "promotions": [sale]})
    before = await priced(shop)

    shop.clock.advance(timedelta(minutes=5))
    after = await priced(shop)

    assert before["valid_until"] == soon.isoformat().replace("+00:00", "Z")
    assert before["key"] != after["key"]
    assert [price["price_minor"] for price in after["items"]] == [300, 300, 300]


async def test_no_more_articles_are_priced_than_a_request_may_have(shop: Shop) -> None:
    many = [{"sku": f"A{number}", "amount_minor": 100} for number in range(201)]

    answer = await shop.operator().post("/v1/prices:batch", json={"currency": "CNY", "articles": many})

    assert answer.status_code == 422


async def test_a_price_and_a_quote_are_good_until_a_window_opens(shop: Shop) -> None:
    window: Json = {
        "op": "during", "rrule": "FREQ=DAILY", "dtstart": "2026-03-01", "from_time": "09:05", "to_time": "10:00", "zone": "Etc/UTC",
    }  # fmt: skip
    happy = {"code": "happy", "kind": "fixed_price", "prices": {"CNY": 300}, "when": window}
    await put_rules(shop, {"rules": [BASE], "promotions": [happy]})
    line = {**ARTICLES[0], "quantity": 1}
    before, quote = await priced(shop), await quoted(shop, {"lines": [line]})

    shop.clock.advance(timedelta(minutes=5))
    after = await priced(shop)

    assert before["valid_until"] == quote["valid_until"] == "2026-03-01T09:05:00Z"
    assert quote["discounts"]["rejected"][0]["fact"] == "during"
    assert before["key"] != after["key"]
    assert [price["price_minor"] for price in after["items"]] == [300, 300, 300]
