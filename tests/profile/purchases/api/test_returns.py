"""Returns over HTTP."""

from typing import Any

import pytest

from services.profile.purchases.storage import tables
from tests.profile.running import Profile, purchase, returned


async def test_a_return_is_recorded_and_repeated(profile: Profile) -> None:
    client = profile.operator()
    bought = (await client.post("/v1/purchases", json=purchase())).json()
    answer = await client.post("/v1/returns", json=returned())
    assert answer.status_code == 201, answer.text
    body = answer.json()
    assert (body["status"], body["purchase_id"], body["customer_id"]) == (
        "returned",
        bought["id"],
        bought["customer_id"],
    )
    assert body["lines"] == [{"line": 1, "quantity": 1, "unit_from": 3, "unit_to": 3, "amount_minor": 334}]
    again = await client.post("/v1/returns", json=returned())
    assert (again.status_code, again.content) == (201, answer.content)
    read = (await client.get(f"/v1/purchases/{bought['id']}")).json()
    assert read["lines"][0]["returned_quantity"] == 1


async def test_a_return_of_an_unknown_order_waits_for_it(profile: Profile) -> None:
    client = profile.operator()
    early = await client.post("/v1/returns", json=returned())
    assert (early.status_code, early.json()["status"]) == (202, "waiting_for_purchase")
    again = await client.post("/v1/returns", json=returned())
    assert (again.status_code, again.content) == (202, early.content)
    other = await client.post("/v1/returns", json=returned(lines=[{"line": 1, "quantity": 2}]))
    assert (other.status_code, other.json()["code"], other.json()["fields"]) == (
        409,
        "return_conflict",
        ["lines"],
    )
    await client.post("/v1/purchases", json=purchase())
    applied = await client.post("/v1/returns", json=returned())
    assert (applied.status_code, applied.json()["id"]) == (201, early.json()["id"])


async def test_more_than_was_bought_and_not_yet_returned_is_a_422(profile: Profile) -> None:
    client = profile.operator()
    await client.post("/v1/purchases", json=purchase())
    assert (
        await client.post("/v1/returns", json=returned(lines=[{"line": 1, "quantity": 2}]))
    ).status_code == 201
    answer = await client.post("/v1/returns", json=returned("R-2", lines=[{"line": 1, "quantity": 2}]))
    assert (answer.status_code, answer.json()["code"]) == (422, "return_exceeds_purchase")
    assert "1" in answer.json()["errors"][0]["detail"]
    assert await profile.count(tables.purchase_return) == 1


@pytest.mark.parametrize(
    ("changes", "pointer"),
    [
        ({"lines": [{"line": 2, "quantity": 1}]}, "/lines/0/line"),
        ({"lines": [{"line": 1, "quantity": 1}, {"line": 1, "quantity": 1}]}, "/lines/1/line"),
        ({"lines": [{"line": 0, "quantity": 1}]}, "/lines/0/line"),
        ({"lines": [{"line": 1, "quantity": 0}]}, "/lines/0/quantity"),
        ({"lines": []}, "/lines"),
        ({"returned_at": "2026-03-10T10:00:00"}, "/returned_at"),
        ({"returned_at": "2026-03-12T10:00:00Z"}, "/returned_at"),
        ({"returned_at": "1899-12-31T23:59:59Z"}, "/returned_at"),
        ({"reason": "too small"}, "/reason"),
    ],
)
async def test_bad_input_is_a_422_that_points_at_the_field(
    one_profile: Profile, changes: dict[str, Any], pointer: str
) -> None:
    client = one_profile.operator()
    await client.post("/v1/purchases", json=purchase())
    answer = await client.post("/v1/returns", json=returned(**changes))
    assert answer.status_code == 422, answer.text
    assert [error["pointer"] for error in answer.json()["errors"]] == [pointer]
    assert await one_profile.count(tables.purchase_return) == 0


async def test_a_return_dated_before_its_purchase_is_refused(profile: Profile) -> None:
    client = profile.operator()
    await client.post("/v1/purchases", json=purchase(purchased_at="2026-03-10T09:00:00Z"))
    early = await client.post("/v1/returns", json=returned(returned_at="2020-03-10T09:00:00Z"))
    assert (early.status_code, early.json()["code"]) == (422, "return_before_purchase")
    assert [error["pointer"] for error in early.json()["errors"]] == ["/returned_at"]
    assert "24 hours before its purchase" in early.json()["detail"]
    zh = await client.post(
        "/v1/returns",
        json=returned(returned_at="2026-03-09T08:59:59Z"),
        headers={"Accept-Language": "zh"},
    )
    assert (zh.status_code, zh.json()["title"]) == (422, "早于购买")
    taken = await client.post("/v1/returns", json=returned(returned_at="2026-03-09T09:00:00Z"))
    assert taken.status_code == 201, taken.text


async def test_a_return_of_before_the_shop_is_refused_whether_or_not_its_purchase_is_known(
    profile: Profile,
) -> None:
    client = profile.operator()
    answer = await client.post("/v1/returns", json=returned(returned_at="1900-01-01T00:00:00Z"))
    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (422, "too_long_ago")


async def test_each_return_of_a_batch_is_answered_as_if_alone(profile: Profile) -> None:
    client = profile.operator()
    await client.post("/v1/purchases", json=purchase())  # three units in its first line
    items = [
        returned("R-1", lines=[{"line": 1, "quantity": 9}]),  # too many
        returned("R-1", lines=[{"line": 1, "quantity": 2}]),  # its correction
        returned("R-1", lines=[{"line": 1, "quantity": 2}]),  # a repeat
        returned("R-1", lines=[{"line": 1, "quantity": 1}]),  # another content
        returned("R-2", lines=[{"line": 1, "quantity": 2}]),  # only one unit is left
        returned("R-3"),
        returned("R-4") | {"order_id": "unknown"},
        returned("R-5") | {"returned_at": "2999-01-01T00:00:00Z"},
    ]

    answer = await client.post("/v1/returns:batch", json={"items": items})
    again = await client.post("/v1/returns:batch", json={"items": items})

    assert answer.status_code == 207, answer.text
    outcomes = answer.json()["items"]
    assert [outcome["status"] for outcome in outcomes] == [422, 201, 201, 409, 422, 201, 202, 422]
    assert outcomes[1] == outcomes[2]
    assert outcomes[0]["problem"]["errors"][0]["pointer"] == "/lines/0/quantity"
    assert [outcome["status"] for outcome in again.json()["items"][1:]] == [201, 201, 409, 422, 201, 202, 422]
    assert again.json()["items"][5] == outcomes[5]
    assert await profile.count(tables.purchase_return) == 2


async def test_a_batch_of_returns_has_a_limit(profile: Profile) -> None:
    items = [returned(f"R-{number}") for number in range(501)]

    answer = await profile.operator().post("/v1/returns:batch", json={"items": items})

    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, "/items")


@pytest.mark.both_databases
async def test_a_waiting_return_with_a_mistyped_order_is_discarded_and_reported_again(
    profile: Profile,
) -> None:
    client = profile.operator("admin")
    await client.post("/v1/purchases", json=purchase())
    mistyped = await client.post("/v1/returns", json=returned(order_id="1O01"))
    (parked,) = (await client.get("/v1/set-aside", params={"state": "parked"})).json()["items"]

    retried = await client.post(f"/v1/set-aside/{parked['id']}/retry")
    discarded = await client.post(f"/v1/set-aside/{parked['id']}/discard")
    again = await client.post(f"/v1/set-aside/{parked['id']}/discard")
    corrected = await client.post("/v1/returns", json=returned())
    await client.post("/v1/purchases", json=purchase("1O01"))

    assert mistyped.status_code == 202
    assert (retried.status_code, retried.json()["code"]) == (409, "wrong_state")
    assert (discarded.status_code, discarded.json()) == (200, {"applied": 0})
    assert (again.status_code, again.json()["code"]) == (404, "not_set_aside")
    assert corrected.status_code == 201, corrected.text
    assert await profile.count(tables.purchase_return) == 1, "the discarded one is not applied later"
