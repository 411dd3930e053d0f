"""One order and the points of two members: for operators it is paid once, whoever paid; customers are judged alone."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Any

import httpx2
import pytest

from tests.loyalty.shop import START, Shop, bought, customer, merged, returned

ORDER = {"source": "web", "order_id": "A-1"}


async def members(shop: Shop, count: int) -> list[str]:
    """Members with 100 points each."""
    people = [customer() for _ in range(count)]
    await shop.tell(*(bought(member, [(1, 10_000)], START) for member in people))
    return people


async def pay(
    shop: Shop, client: httpx2.AsyncClient, member: str, points: int = 10, **order: Any
) -> httpx2.Response:
    return await client.post(
        f"/v1/members/{member}/redemptions",
        json={"points": points, "order": ORDER | order},
        headers=shop.key(),
    )


async def test_an_operator_is_told_which_member_paid_the_order(shop: Shop) -> None:
    ana, bo = await members(shop, 2)
    first = await pay(shop, shop.customer(ana), ana)

    refused = await pay(shop, shop.operator(), bo)
    spelled = await pay(shop, shop.operator(), bo, order_id="A-1\u3000")
    other = await pay(shop, shop.operator(), bo, order_id="A-2")
    of_partner = await pay(shop, shop.operator(), bo, issuer="partner:mall")

    for answer in (refused, spelled):
        assert (answer.status_code, answer.json()["code"]) == (409, "order_paid_before")
        assert f"{first.json()['id']} took 10 points of {ana}" in answer.json()["detail"]
    assert [answer.status_code for answer in (other, of_partner)] == [201, 201]
    assert (await shop.active(ana), await shop.active(bo)) == (90, 80)


async def test_two_members_pay_one_order_together_if_the_request_says_so(shop: Shop) -> None:
    ana, bo = await members(shop, 2)
    lines = [{"quantity": 2, "amount_minor": 5_000}]
    await pay(shop, shop.operator(), ana, lines=lines)

    added = await pay(shop, shop.operator(), bo, lines=lines, adds=True)
    await shop.tell(purchase := bought(ana, [(2, 5_000)], START, order_id="A-1"))
    await shop.tell(returned(purchase, [(1, 1, 2)]))

    assert added.status_code == 201
    assert (await shop.active(ana), await shop.active(bo)) == (100, 90), "the buyer's points are back"
    await shop.check()


async def test_a_customer_learns_nothing_about_payments_of_others_and_is_not_stopped_by_them(
    shop: Shop,
) -> None:
    ana, bo = await members(shop, 2)
    await pay(shop, shop.customer(ana), ana, points=1)

    paid = await pay(shop, shop.customer(bo), bo)
    unknown = await pay(shop, shop.customer(bo), bo, order_id="A-2")
    again = await pay(shop, shop.customer(bo), bo)

    assert [answer.status_code for answer in (paid, unknown, again)] == [201, 201, 409]
    assert paid.json().keys() == unknown.json().keys()
    assert paid.json()["id"] in again.json()["detail"]
    assert ana not in again.text


async def test_merged_members_are_one(shop: Shop) -> None:
    ana, bo = await members(shop, 2)
    await pay(shop, shop.customer(bo), bo)
    await shop.tell(merged(bo, ana, 1, START))

    for client in (shop.customer(ana), shop.operator()):
        assert (await pay(shop, client, ana)).json()["code"] == "order_paid_before"


@pytest.mark.both_databases
async def test_of_many_members_at_once_an_operator_pays_the_order_with_one(shop: Shop) -> None:
    people = await members(shop, 6)
    answers = await asyncio.gather(*(pay(shop, shop.operator(), member) for member in people))
    assert Counter(answer.status_code for answer in answers) == {201: 1, 409: 5}
    assert sum([await shop.active(member) for member in people]) == 6 * 100 - 10
    await shop.check()


@pytest.mark.both_databases
async def test_a_till_that_comes_beside_customers_sees_their_payments(shop: Shop) -> None:
    people = await members(shop, 6)
    clients = [shop.operator() if number % 2 else shop.customer(who) for number, who in enumerate(people)]
    answers = await asyncio.gather(
        *(pay(shop, client, who) for client, who in zip(clients, people, strict=True))
    )
    assert [answer.status_code for answer in answers[0::2]] == [201] * 3
    assert Counter(answer.status_code for answer in answers[1::2])[201] <= 1
    late = await pay(shop, shop.operator(), people[1])
    assert late.status_code == 409
    await shop.check()
