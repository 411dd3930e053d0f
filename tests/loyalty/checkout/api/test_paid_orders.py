"""An order is paid by one hold, and nobody stands in its way."""

from __future__ import annotations

from tests.loyalty.checkout.api.test_holds import commit, hold, member, refused
from tests.loyalty.shop import START, Shop, bought, customer, returned

__all__ = ["member"]


async def test_an_order_is_paid_by_one_hold(shop: Shop, member: str) -> None:
    other = customer()
    await shop.tell(bought(other, [(1, 10_000)], START))
    await commit(shop, await hold(shop, member, points=10))
    second, theirs = await hold(shop, member, points=10), await hold(shop, other, points=10)
    await shop.redeem(member, 5, ("web", "A-9"))
    purchase = bought(member, [(1, 1_000)], START, order_id="A-8")
    await shop.tell(purchase, returned(purchase, [(1, 1, 1)]))

    for held, order_id, code in (
        (second, "A-1", "order_has_points"),
        (theirs, "A-1", "order_has_points"),
        (second, "A-9", "order_has_points"),
        (second, "A-8", "order_returned"),
    ):
        assert refused(await commit(shop, held, order_id)) == (409, code)
    assert (await commit(shop, second, "A-2")).status_code == 200
    await shop.check()


async def test_nobody_stands_in_the_way_of_an_order_by_paying_one_point_for_it(
    shop: Shop, member: str
) -> None:
    stranger = customer()
    await shop.tell(bought(stranger, [(1, 10_000)], START))
    await shop.redeem(stranger, 1, ("web", "A-1"))
    assert (await commit(shop, await hold(shop, member, points=10), "A-1")).status_code == 200
    await shop.check()
