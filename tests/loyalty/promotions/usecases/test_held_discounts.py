"""Holds keep the discounts of their carts, on both databases."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import text, update

from services.loyalty.checkout.storage.tables import held_cart
from services.loyalty.promotions.domain.discounts import Discount
from tests.loyalty.checkout.api.test_holds import cart, commit, hold, post, refused
from tests.loyalty.earning.domain.rule_oracle import Json
from tests.loyalty.earning.ruled import put_rules
from tests.loyalty.promotions.promoted import BASE, CUPS, TEA, open_promotions, quoted, rich
from tests.loyalty.shop import START, Shop, bought, returned
from tests.parts.databases import Kind

UNGUARD: dict[Kind, list[str]] = {
    "sqlite": ["DROP TRIGGER held_cart_append_only_update"],
    "postgresql": ["ALTER TABLE held_cart DISABLE TRIGGER USER"],
}


@pytest.fixture
async def member(shop: Shop) -> str:
    """A member with 1,000 points of 0.10 each, of the tier gold, in a shop with three promotions."""
    return await open_promotions(shop)


async def test_a_hold_keeps_its_discounts_and_a_commit_evaluates_nothing(shop: Shop, member: str) -> None:
    body = cart(member, lines=[TEA, CUPS], shipping_minor=1_200, points=1_000)
    quote = await quoted(shop, body)
    held = await hold(shop, member, **{**body, "quote_hash": quote["hash"], "ttl_seconds": 3_600})
    await put_rules(shop, {"rules": [BASE]}, version=2, begins=START + timedelta(minutes=10))
    shop.clock.advance(timedelta(minutes=20))
    late = await post(shop.operator(), "/v1/holds", {**body, "points": 1, "quote_hash": quote["hash"]})
    assert refused(late) == (409, "insufficient_points")
    done = await commit(shop, held)
    read = (await shop.operator().get(f"/v1/holds/{held['id']}")).json()

    assert (held["amount_minor"], held["discount_minor"], held["payable_minor"]) == (40_000, 7_333, 33_867)
    assert (held["shipping_minor"], held["quote_hash"]) == (1_200, quote["hash"])
    assert (done.status_code, done.json()["redeemed"]) == (200, 1_000)
    assert (read["lines"], read["discounts"]) == (quote["lines"], quote["discounts"]["applied"])
    assert read["order"] == {"lines": quote["lines"], "discounts": quote["discounts"]["applied"]}
    await shop.check()


async def test_a_partial_commit_is_the_full_one_and_a_return_of_the_rest(shop: Shop, member: str) -> None:
    """T11, in lines, discounts and points."""
    twin = await rich(shop)
    kept = [{"line": 2, "quantity": 2}, {"line": 1, "quantity": 1}]
    active = []
    for buyer, order_id, lines in ((member, "A-1", None), (twin, "A-2", kept)):
        held = await hold(shop, buyer, lines=[TEA, CUPS], points=777)
        more: Json = {} if lines is None else {"lines": lines}
        assert (await commit(shop, held, order_id, **more)).status_code == 200
        order = (await shop.operator().get(f"/v1/holds/{held['id']}")).json()["order"]
        booked = [(line["quantity"], line["net_minor"]) for line in order["lines"]]
        purchase = bought(buyer, booked, START, order_id=order_id)
        await shop.tell(purchase)
        if lines is None:
            await shop.tell(returned(purchase, [(1, 2, 3), (2, 3, 3)]))
            nets = [amount for _, amount in booked]
        active.append(await shop.active(buyer))

    assert booked == [(2, nets[1] * 2 // 3), (1, nets[0] // 3)]
    for line, sent in zip(order["lines"], (CUPS, TEA), strict=True):
        assert line["gross_minor"] == sent["amount_minor"] * line["quantity"] // 3
        assert line["gross_minor"] - line["discount_minor"] == line["net_minor"]
    parts = [sum(part["amount_minor"] for part in discount["lines"]) for discount in order["discounts"]]
    assert sum(parts) == sum(line["discount_minor"] for line in order["lines"])
    assert active[0] == active[1]
    await shop.check()


async def test_a_changed_row_is_found(shop: Shop, member: str, kind: Kind) -> None:
    await hold(shop, member, lines=[TEA, CUPS], points=100)
    await shop.check()
    async with shop.database.begin() as tx:
        # Only somebody with the rights of the database's owner can do this.
        for statement in UNGUARD[kind]:
            await tx.execute(text(statement))
        bad = (Discount("from_300", (30_001, 0)),)
        await tx.execute(update(held_cart).values(discounts=bad))

    with pytest.raises(AssertionError, match="discounts_fit_their_cart"):
        await shop.check()
