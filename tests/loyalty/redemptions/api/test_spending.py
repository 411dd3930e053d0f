"""Redemptions and adjustments over HTTP."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx2
import pytest

from services.loyalty.ledger.api.adjustments import POINTS_MAX
from shared.limits import LINE_AMOUNT_MAX, MEMBER_POINTS_MAX, ORDER_AMOUNT_MAX
from tests.loyalty.shop import START, Shop, bought, customer, merged, returned


async def post(
    client: httpx2.AsyncClient, path: str, body: dict[str, Any], key: str = "key-00000001"
) -> httpx2.Response:
    return await client.post(path, json=body, headers={"Idempotency-Key": key})


async def test_a_redemption_is_made_once_under_one_key(shop: Shop) -> None:
    member = customer()
    await shop.tell(bought(member, [(1, 10_000)], START))
    client, path = shop.customer(member), f"/v1/members/{member}/redemptions"

    first = await post(client, path, {"points": 60, "reference": "mug"})
    again = await post(client, path, {"points": 60, "reference": "mug"})
    other = await post(client, path, {"points": 10}, "key-00000002")
    short = await post(client, path, {"points": 31}, "key-00000003")

    assert (first.status_code, again.content) == (201, first.content)
    assert first.json()["points"] == {"active": 40, "pending": 0, "held": 0}
    assert other.status_code == 201
    assert (short.status_code, short.json()["code"]) == (409, "insufficient_points")
    assert await shop.active(member) == 30
    (_, second) = await shop.told("loyalty.points_redeemed.v1")
    assert second["points"] == 10
    await shop.check()


async def test_a_redemption_for_an_order_names_its_lines(shop: Shop) -> None:
    member = customer()
    await shop.tell(bought(member, [(1, 10_000)], START))
    order = {"source": "web", "order_id": "A-1", "lines": [{"quantity": 2, "amount_minor": 5_000}]}
    path = f"/v1/members/{member}/redemptions"

    assert (await post(shop.operator(), path, {"points": 50, "order": order})).status_code == 201
    purchase = bought(member, [(2, 5_000)], START, order_id="A-1")
    await shop.tell(purchase, returned(purchase, [(1, 2, 2)]))

    assert await shop.active(member) == 50 + 25 + 25
    await shop.check()


async def test_redemptions_and_adjustments_are_listed_newest_first(shop: Shop) -> None:
    member, other = customer(), customer()
    await shop.tell(bought(member, [(1, 10_000)], START), bought(other, [(1, 10_000)], START))
    for points in (1, 2, 3):
        await shop.redeem(member, points)
        await shop.adjust(member, points)
    await shop.redeem(other, 4)
    await shop.tell(merged(other, member, 1, START))

    async def listed(client: httpx2.AsyncClient, name: str) -> list[dict[str, Any]]:
        items: list[dict[str, Any]] = []
        query = {"limit": "2"}
        while True:
            page = (await client.get(f"/v1/members/{member}/{name}", params=query)).json()
            items += page["items"]
            if page["next_cursor"] is None:
                return items
            query["cursor"] = page["next_cursor"]

    for client in (shop.operator("agent"), shop.customer(member)):
        redeemed, adjusted = await listed(client, "redemptions"), await listed(client, "adjustments")
        assert [item["redeemed"] for item in redeemed] == [4, 3, 2, 1]
        assert [item["adjusted"] for item in adjusted] == [3, 2, 1]
        assert {item["customer_id"] for item in redeemed} == {member}
        assert {item["reference"] for item in redeemed} == {"a gift"}
        for item, name in ((redeemed[0], "redemptions"), (adjusted[0], "adjustments")):
            assert (await client.get(f"/v1/members/{member}/{name}/{item['id']}")).json() == item
    assert {item["reason"] for item in await listed(shop.customer(member), "adjustments")} == {None}
    hidden = await shop.customer(customer()).get(f"/v1/members/{member}/redemptions")
    assert (hidden.status_code, hidden.json()["code"]) == (404, "member_not_found")


async def test_an_order_that_is_paid_has_the_limit_of_every_order(shop: Shop) -> None:
    member = customer()
    await shop.tell(bought(member, [(1, 10_000)], START))
    most = [{"quantity": 1, "amount_minor": LINE_AMOUNT_MAX}] * (ORDER_AMOUNT_MAX // LINE_AMOUNT_MAX)
    path = f"/v1/members/{member}/redemptions"

    def paid(lines: list[dict[str, int]]) -> dict[str, Any]:
        return {"points": 1, "order": {"source": "web", "order_id": "A-1", "lines": lines}}

    refused = await post(shop.operator(), path, paid([*most, {"quantity": 1, "amount_minor": 1}]))
    taken = await post(shop.operator(), path, paid(most), "key-00000002")

    assert (refused.status_code, refused.json()["code"]) == (422, "order_too_large")
    assert [error["pointer"] for error in refused.json()["errors"]] == ["/order/lines"]
    assert taken.status_code == 201


async def test_points_for_somebody_elses_order_do_not_come_back_at_its_return(shop: Shop) -> None:
    """A redemption may name any order, for example one that the till has mistyped. Only its customer's comes back."""
    buyer, stranger, merged_one = customer(), customer(), customer()
    for member in (buyer, stranger, merged_one):
        await shop.tell(bought(member, [(1, 10_000)], START))
    order, lines = ("web", "A-1"), [(2, 5_000)]
    await shop.redeem(stranger, 40, order, lines)
    await shop.redeem(merged_one, 20, order, lines)
    purchase = bought(buyer, [(2, 5_000)], START, order_id="A-1")
    await shop.tell(purchase, merged(merged_one, buyer, 1, START))

    await shop.tell(returned(purchase, [(1, 1, 2)]))

    assert await shop.active(stranger) == 60
    assert await shop.active(buyer) == 200, "what the merged customer spent on it is back"
    await shop.check()


async def test_points_spent_as_one_customer_come_back_after_the_unmerge(shop: Shop) -> None:
    one, two = customer(), customer()
    await shop.tell(bought(two, [(1, 10_000)], START), merged(two, one, 1, START))
    purchase = bought(two, [(1, 5_000)], START, order_id="A-1")
    await shop.tell(bought(one, [(1, 100)], START), purchase)
    await shop.redeem(one, 51, ("web", "A-1"), [(1, 5_000)])

    await shop.tell(merged(two, two, 2, START), returned(purchase, [(1, 1, 1)]))

    assert (await shop.active(one), await shop.active(two)) == (1, 100)
    await shop.check()


async def test_an_order_is_paid_with_points_once_unless_the_request_adds(shop: Shop) -> None:
    member, stranger = customer(), customer()
    await shop.tell(bought(member, [(1, 10_000)], START), bought(stranger, [(1, 10_000)], START))
    order, path = {"source": "web", "order_id": "A-1"}, f"/v1/members/{member}/redemptions"
    client = shop.customer(member)

    first = await post(client, path, {"points": 10, "order": order}, "key-00000001")
    again = await post(client, path, {"points": 10, "order": order}, "key-00000002")
    spelled = await post(client, path, {"points": 10, "order": order | {"order_id": " A-1 "}}, "key-00000003")
    other = await post(client, path, {"points": 10, "order": order | {"order_id": "A-2"}}, "key-00000004")
    more = await post(client, path, {"points": 5, "order": order | {"adds": True}}, "key-00000005")
    theirs = await post(
        shop.customer(stranger), f"/v1/members/{stranger}/redemptions", {"points": 7, "order": order}
    )

    assert [answer.status_code for answer in (first, other, more, theirs)] == [201] * 4
    for refused in (again, spelled):
        assert (refused.status_code, refused.json()["code"]) == (409, "order_paid_before")
        assert first.json()["id"] in refused.json()["detail"]
    assert (await shop.active(member), await shop.active(stranger)) == (75, 93)
    await shop.check()


@pytest.mark.both_databases
async def test_of_two_redemptions_of_one_order_at_once_one_is_refused(shop: Shop) -> None:
    member = customer()
    await shop.tell(bought(member, [(1, 10_000)], START))
    order, path = {"source": "web", "order_id": "A-1"}, f"/v1/members/{member}/redemptions"
    clicks = [
        post(shop.customer(member), path, {"points": 10, "order": order}, f"key-0000000{number}")
        for number in range(5)
    ]
    answers = await asyncio.gather(*clicks)
    assert sorted(answer.status_code for answer in answers) == [201, 409, 409, 409, 409]
    assert await shop.active(member) == 90


async def test_points_by_hand_have_a_limit_of_a_member(shop: Shop) -> None:
    member = customer()
    await shop.tell(bought(member, [(1, 10_000)], START))
    times = MEMBER_POINTS_MAX // POINTS_MAX
    for _ in range(times - 1):
        await shop.adjust(member, POINTS_MAX)
    path = f"/v1/members/{member}/adjustments"
    unlimited = shop.again(adjustment_admin_day_max=POINTS_MAX)
    answer = await post(unlimited.operator(), path, {"points": POINTS_MAX, "reason": "too many"})
    assert (answer.status_code, answer.json()["code"]) == (409, "too_many_points")
    assert await shop.active(member) == (times - 1) * POINTS_MAX + 100


@pytest.mark.parametrize(
    "line", [{"quantity": 1, "amount_minor": 2**63 - 1}, {"quantity": 2**63 - 1, "amount_minor": 1}]
)
async def test_an_order_too_large_to_be_counted_is_refused(shop: Shop, line: dict[str, int]) -> None:
    member = customer()
    await shop.tell(bought(member, [(1, 10_000)], START))
    order = {"source": "web", "order_id": "A-1", "lines": [line, line]}

    answer = await post(shop.operator(), f"/v1/members/{member}/redemptions", {"points": 1, "order": order})

    assert answer.status_code == 422
    assert {error["code"] for error in answer.json()["errors"]} == {"too_large"}
    assert await shop.active(member) == 100


async def test_a_redemption_has_a_limit(shop: Shop) -> None:
    member = customer()
    await shop.tell(bought(member, [(1, 10_000)], START))
    path = f"/v1/members/{member}/redemptions"

    most = await post(shop.operator(), path, {"points": MEMBER_POINTS_MAX})
    more = await post(shop.operator(), path, {"points": MEMBER_POINTS_MAX + 1})

    assert (most.status_code, most.json()["code"]) == (409, "insufficient_points")
    assert (more.status_code, more.json()["errors"][0]["code"]) == (422, "too_large")


async def test_an_adjustment_never_goes_below_zero(shop: Shop) -> None:
    member = customer()
    await shop.tell(bought(member, [(1, 10_000)], START))
    client, path = shop.operator("manager"), f"/v1/members/{member}/adjustments"

    up = await post(client, path, {"points": 20, "reason": "sorry"}, "key-up-00001")
    down = await post(client, path, {"points": -120, "reason": "oops"}, "key-down-0001")
    below = await post(client, path, {"points": -1, "reason": "oops"}, "key-below-001")

    assert [up.status_code, down.status_code, below.status_code] == [201, 201, 409]
    assert below.json()["code"] == "insufficient_points"
    assert await shop.active(member) == 0
    await shop.check()


@pytest.mark.parametrize(
    "body",
    [
        {"points": 0, "reason": "x"},
        {"points": 1.5, "reason": "x"},
        {"points": "5", "reason": "x"},
        {"points": 5},
        {"points": 5, "reason": ""},
        {"points": 5, "reason": "x", "colour": "red"},
        {"points": 2**63, "reason": "x"},
        {"points": 2**63 - 1, "reason": "more than a balance can hold beside others"},
    ],
)
async def test_an_adjustment_that_makes_no_sense_is_refused(shop: Shop, body: dict[str, Any]) -> None:
    member = customer()
    await shop.tell(bought(member, [(1, 10_000)], START))

    answer = await post(shop.operator(), f"/v1/members/{member}/adjustments", body)

    assert (answer.status_code, answer.headers["content-type"]) == (422, "application/problem+json")
    assert await shop.active(member) == 100


async def test_customers_and_viewers_cannot_adjust_and_a_key_is_required(shop: Shop) -> None:
    member = customer()
    await shop.tell(bought(member, [(1, 10_000)], START))
    path, body = f"/v1/members/{member}/adjustments", {"points": 5, "reason": "x"}

    for client in (shop.customer(member), shop.operator("viewer"), shop.operator("agent")):
        assert (await post(client, path, body)).status_code == 403
    keyless = await shop.operator().post(path, json=body)
    assert (keyless.status_code, keyless.json()["code"]) == (400, "idempotency_key_required")
    other = customer()
    stranger = await post(shop.customer(other), f"/v1/members/{member}/redemptions", {"points": 1})
    assert stranger.status_code == 404
