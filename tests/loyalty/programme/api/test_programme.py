"""The programme over HTTP."""

from __future__ import annotations

from tests.loyalty.earning.ruled import order
from tests.loyalty.shop import Shop, customer


async def test_the_programme_is_read_before_and_after_the_first_fact(shop: Shop) -> None:
    before = (await shop.operator().get("/v1/programme")).json()
    await shop.tell(order(customer(), [(1, 100)]))
    after = (await shop.operator().get("/v1/programme")).json()

    assert (before["rulebook"], after["rulebook"]) == (None, 1)
    assert before | {"rulebook": 1} == after
    assert (after["currency"], [tier["code"] for tier in after["tiers"]]) == (
        "CNY",
        ["member", "silver", "gold"],
    )
