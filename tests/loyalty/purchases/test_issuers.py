"""Orders of two issuers with the same source and id: each is paid, earns and goes back alone."""

import pytest

from services.loyalty.ledger.domain.entries import OrderKey
from services.loyalty.purchases.domain.facts import Line
from services.loyalty.redemptions.usecases.redeem_points import RedemptionAsked, redeem_points
from tests.loyalty.shop import START, Shop, bought, customer, registered, returned

SHOP, ACME = "shop", "partner:acme"
LINES = [(2, 6_000)]


async def pay(shop: Shop, member: str, points: int, issuer: str) -> None:
    lines = tuple(Line(*line) for line in LINES)
    asked = RedemptionAsked(member, shop.cause(), points, None, OrderKey(issuer, "web", "A-1"), lines)
    async with shop.database.begin() as tx:
        await redeem_points(tx, shop.runtime.context, asked)


@pytest.mark.both_databases
@pytest.mark.parametrize("first", [SHOP, ACME])
async def test_two_issuers_use_one_order_id(shop: Shop, first: str) -> None:
    second = ACME if first == SHOP else SHOP
    ana, bo = customer(), customer()
    orders = {
        first: bought(ana, LINES, START, order_id="A-1", issuer=first),
        second: bought(bo, LINES, START, order_id="A-1", issuer=second),
    }
    await shop.tell(registered(ana, START), registered(bo, START))
    for order in orders.values():
        assert (await shop.tell(order)).applied == 1
    assert (await shop.active(ana), await shop.active(bo)) == (60, 60)
    await pay(shop, ana, 20, first)
    await pay(shop, bo, 30, second)

    await shop.tell(returned(orders[second], [(1, 1, 2)]))

    assert (await shop.active(ana), await shop.active(bo)) == (40, 0)
    await shop.check()


async def test_a_return_gives_no_points_back_that_paid_another_issuers_order(shop: Shop) -> None:
    member = customer()
    order = bought(member, LINES, START, order_id="A-1", issuer=ACME)
    await shop.tell(bought(member, [(1, 10_000)], START), order)
    await pay(shop, member, 50, SHOP)

    await shop.tell(returned(order, [(1, 1, 2)]))

    assert await shop.active(member) == 100 + 60 - 50 - 60
    await shop.check()


async def test_a_purchase_that_was_told_without_its_issuer_can_go_back(shop: Shop) -> None:
    """It counts as the shop's, and the return, which comes with the issuer, finds it and the points that paid it."""
    member = customer()
    order = bought(member, LINES, START, order_id="A-1")
    await shop.tell(bought(member, [(1, 10_000)], START), order)
    await pay(shop, member, 50, SHOP)

    outcome = await shop.tell(returned(order, [(1, 1, 2)]).model_copy(update={"issuer": ACME}))

    assert (outcome.applied, await shop.active(member)) == (1, 100)
    await shop.check()


async def test_a_redemption_names_the_issuer_of_its_order(shop: Shop) -> None:
    member = customer()
    lines = [{"quantity": 2, "amount_minor": 6_000}]
    await shop.tell(bought(member, [(1, 10_000)], START))
    order = {"source": "web", "order_id": "A-1", "issuer": ACME, "lines": lines}
    path = f"/v1/members/{member}/redemptions"
    client = shop.operator()
    paid = await client.post(path, json={"points": 50, "order": order}, headers={"Idempotency-Key": "k-1"})
    nobody = await client.post(
        path, json={"points": 50, "order": order | {"issuer": "acme"}}, headers={"Idempotency-Key": "k-2"}
    )
    assert (paid.status_code, nobody.status_code) == (201, 422)
    purchase = bought(member, LINES, START, order_id="A-1", issuer=ACME)
    await shop.tell(purchase, returned(purchase, [(1, 1, 2)]))
    assert await shop.active(member) == 100
    again = await client.post(path, json={"points": 1, "order": order}, headers={"Idempotency-Key": "k-3"})
    assert again.json()["code"] == "order_returned"
    shops = {**order, "issuer": SHOP}
    other = await client.post(path, json={"points": 1, "order": shops}, headers={"Idempotency-Key": "k-4"})
    assert other.status_code == 201


async def test_the_member_does_not_read_the_reason_of_an_adjustment(shop: Shop) -> None:
    member = customer()
    await shop.tell(bought(member, [(1, 10_000)], START))
    await shop.redeem(member, 3)
    await shop.adjust(member, -2)
    path = f"/v1/members/{member}/ledger"

    seen = {
        reader: {entry["kind"]: entry["text"] for entry in (await client.get(path)).json()["items"]}
        for reader, client in (("customer", shop.customer(member)), ("viewer", shop.operator("viewer")))
    }

    assert (seen["viewer"]["adjustment"], seen["viewer"]["redemption"]) == ("because", "a gift")
    assert (seen["customer"]["adjustment"], seen["customer"]["redemption"]) == (None, "a gift")
