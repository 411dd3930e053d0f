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


async def test_the_limits_of_a_redemption_hold_for_a_checkout(shop: Shop) -> None:
    limits = {"redemption_points_min": 100, "redemption_points_max": 400}
    assert (await publish(shop, None, **limits)).status_code == 201
    member, poor = customer(), customer()
    await shop.tell(bought(member, [(1, 100_000)], START), bought(poor, [(1, 9_900)], START))
    client = shop.operator()
    for points, code in ((99, "redemption_too_small"), (401, "redemption_too_large")):
        for path in ("/v1/quotes", "/v1/holds"):
            assert refused(await post(client, path, cart(member, points=points))) == (409, code)
    asked = {"currency": "CNY", "lines": LINES}
    for who, usable in ((member, 400), (poor, 0)):
        quote = (await client.post("/v1/quotes", json=asked | {"customer_id": who})).json()
        assert quote["points"]["usable"] == usable
    assert (await hold(shop, member, points=400))["points"] == 400
