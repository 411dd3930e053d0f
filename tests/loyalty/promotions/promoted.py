"""A shop whose rules have promotions, and a member with points to spend there."""

from __future__ import annotations

from tests.loyalty.earning.domain.rule_oracle import Json
from tests.loyalty.earning.ruled import put_rules
from tests.loyalty.programme.promised import publish
from tests.loyalty.shop import START, Shop, bought, customer

BASE: Json = {"code": "base", "kind": "points_per_amount", "rates": {"CNY": 1}}
FROM_300: Json = {
    "code": "from_300", "kind": "threshold_off",
    "steps": [{"reaches": {"CNY": 30_000}, "off": {"CNY": 3_000}}, {"reaches": {"CNY": 50_000}, "off": {"CNY": 6_000}}],
}  # fmt: skip
THREE_CUPS: Json = {
    "code": "three_cups", "kind": "buy_x_get_y", "buy": 2, "get": 1, "lines": {"op": "eq", "fact": "line.category", "value": "cup"},
}  # fmt: skip
SHIPPING: Json = {
    "code": "shipping", "kind": "free_shipping", "at_most": {"CNY": 1_000}, "when": {"op": "eq", "fact": "member.tier", "value": "gold"},
}  # fmt: skip
TEA = {"sku": "TEA", "quantity": 3, "amount_minor": 30_000}
CUPS = {"sku": "CUP", "quantity": 3, "amount_minor": 10_000, "category": "cup"}


async def open_promotions(shop: Shop) -> str:
    """Publish three promotions and the value of a point, 0.10, and return a member of the tier gold with 1,000 points."""
    assert (await publish(shop, None, points_value={"points": 10, "amount_minor": 100})).status_code == 201
    document = {"rules": [BASE], "promotions": [FROM_300, THREE_CUPS, SHIPPING]}
    await put_rules(shop, document)
    return await rich(shop)


async def rich(shop: Shop) -> str:
    """Return a member of the tier gold with 1,000 points."""
    member = customer()
    await shop.tell(bought(member, [(1, 1_000_000)], START))
    await shop.adjust(member, -9_000)
    return member


async def quoted(shop: Shop, body: Json) -> Json:
    """Return the quote of a cart."""
    answer = await shop.operator().post("/v1/quotes", json={"currency": "CNY", **body})
    assert answer.status_code == 200, answer.text
    found: Json = answer.json()
    return found
