"""The offers for a cart over HTTP: the best first, and what is missing."""

from __future__ import annotations

from datetime import timedelta

from tests.loyalty.checkout.api.test_holds import refused
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
from tests.loyalty.shop import START, Shop, customer

ENDED: Json = {"code": "ended", "kind": "percent_off", "percent": 5, "ends_at": "2026-03-01T00:00:00Z"}
YEN: Json = {"code": "yen", "kind": "amount_off", "amounts": {"JPY": 100}}
ALONE: Json = {"code": "alone", "kind": "percent_off", "percent": 5, "exclusive": True}


async def offered(shop: Shop, body: Json) -> Json:
    answer = await shop.operator().post("/v1/offers", json={"currency": "CNY", **body})
    assert answer.status_code == 200, answer.text
    found: Json = answer.json()
    return found


async def test_the_best_offer_comes_first_and_the_nearest_of_those_that_miss_something(shop: Shop) -> None:
    await put_rules(
        shop, {"rules": [BASE], "promotions": [FROM_300, THREE_CUPS, SHIPPING, ENDED, YEN, ALONE]}
    )
    two_cups = {**CUPS, "quantity": 2}
    enough = await offered(shop, {"lines": [TEA, CUPS]})
    short = await offered(shop, {"lines": [{**TEA, "amount_minor": 19_000}, two_cups]})

    assert [
        (offer["promotion"], offer["amount_minor"], offer["alone_minor"]) for offer in enough["items"]
    ] == [
        ("three_cups", 3_333, 3_333),
        ("from_300", 3_000, 3_000),
        ("alone", 0, 2_000),
        ("shipping", 0, 0),
    ]
    assert enough["items"][2]["reason"] == "less_than_best"
    assert [(offer["promotion"], offer["reason"], offer["missing"]) for offer in short["items"]] == [
        ("alone", None, None),
        ("three_cups", "below", 1),
        ("from_300", "below", 1_000),
        ("shipping", "condition", None),
    ]
    assert enough["rulebook"] == 1


async def test_what_is_offered_is_what_is_quoted_also_for_the_tier_of_a_member(shop: Shop) -> None:
    member = await open_promotions(shop)
    cart: Json = {"customer_id": member, "lines": [TEA, CUPS], "shipping_minor": 500}
    offers, quote = await offered(shop, cart), await quoted(shop, cart)

    applied = {
        offer["promotion"]: offer["amount_minor"] for offer in offers["items"] if offer["reason"] is None
    }
    assert applied == {
        discount["promotion"]: discount["amount_minor"] for discount in quote["discounts"]["applied"]
    }
    assert applied["shipping"] == 500
    assert offers["rulebook_hash"] == quote["rulebook_hash"]


async def test_offers_are_for_those_who_may_know_the_member(shop: Shop) -> None:
    member = await open_promotions(shop)
    other = customer()
    cart: Json = {"currency": "CNY", "lines": [TEA]}
    own = await shop.customer(member).post("/v1/offers", json=cart)
    anothers = await shop.customer(member).post("/v1/offers", json={**cart, "customer_id": other})
    strange = await shop.operator().post("/v1/offers", json={**cart, "currency": "XXX"})
    large = await shop.operator().post(
        "/v1/offers", json={**cart, "lines": [{**TEA, "amount_minor": 10**12}] * 11}
    )

    assert own.status_code == 200
    assert refused(anothers) == (404, "member_not_found")
    assert refused(strange) == (422, "unknown_currency")
    assert refused(large) == (422, "order_too_large")


async def test_a_quote_is_good_until_a_promotion_begins_or_ends(shop: Shop) -> None:
    soon = (START + timedelta(minutes=5)).isoformat()
    await put_rules(shop, {"rules": [BASE], "promotions": [{**ALONE, "begins_at": soon}, ENDED]})
    quote = await quoted(shop, {"lines": [TEA]})
    shop.clock.advance(timedelta(minutes=5))
    later = await quoted(shop, {"lines": [TEA]})

    assert quote["valid_until"] == soon.replace("+00:00", "Z")
    assert (quote["discounts"]["amount_minor"], later["discounts"]["amount_minor"]) == (0, 1_500)
