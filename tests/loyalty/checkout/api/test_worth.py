"""Quotes and holds of a programme that says what points are worth."""

from __future__ import annotations

import pytest

from tests.loyalty.checkout.api.test_holds import LINES, cart, commit, hold, post, refused
from tests.loyalty.programme.promised import publish
from tests.loyalty.shop import START, Shop, bought, customer


@pytest.fixture
async def member(shop: Shop) -> str:
    """A member with 1,000 points, of which 10 are worth 1.00."""
    assert (await publish(shop, None, points_value={"points": 10, "amount_minor": 100})).status_code == 201
    member = customer()
    await shop.tell(bought(member, [(1, 100_000)], START))
    return member


async def test_points_pay_what_they_are_worth_and_no_more_than_is_due(shop: Shop, member: str) -> None:
    quoted = (await shop.operator().post("/v1/quotes", json=cart(member, points=65))).json()["points"]
    asked = {"customer_id": member, "currency": "CNY", "lines": LINES[:1]}
    small = (await shop.operator().post("/v1/quotes", json=asked)).json()["points"]

    assert quoted == {
        "active": 1000, "usable": 1000, "usable_minor": 10_000, "pays": 65, "pays_minor": 650, "due_minor": 9_350
    }  # fmt: skip
    assert (small["usable"], small["usable_minor"], small["due_minor"]) == (500, 5_000, 0)


async def test_a_hold_takes_the_fewest_points_and_a_part_pays_its_share(shop: Shop, member: str) -> None:
    held = await hold(shop, member, lines=LINES[:1], points=900)
    done = await commit(shop, held, lines=[{"line": 1, "quantity": 1}])

    assert (held["points"], held["worth_minor"]) == (500, 5_000)
    assert (done.json()["redeemed"], done.json()["redeemed_minor"]) == (250, 2_500)
    assert await shop.active(member) == 750


async def test_points_that_pay_nothing_are_not_held(shop: Shop, member: str) -> None:
    free = [{"sku": "GIFT", "quantity": 1, "amount_minor": 0}]
    for body in (cart(member, lines=free), cart(member, currency="USD")):
        assert refused(await post(shop.operator(), "/v1/holds", body)) == (422, "points_worth_nothing")
        assert (await shop.operator().post("/v1/quotes", json=body)).json()["points"]["pays"] == 0
