"""Returns over HTTP."""

from typing import Any

import httpx2
import pytest

from services.profile.purchases.storage import tables
from shared.ids import new_id
from tests.profile.running import SCOPES, Profile, purchase, returned


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


@pytest.mark.both_databases
async def test_a_return_that_waits_is_read_under_its_id_by_those_who_may_report_it(profile: Profile) -> None:
    shop, scopes = profile.operator(), [*SCOPES, "returns:read"]
    acme, bazaar = profile.partner("acme", scopes), profile.partner("bazaar", scopes)
    early = await shop.post("/v1/returns", json=returned())
    theirs = await acme.post("/v1/returns", json=returned("R-9"))
    path, their_path = early.headers["Location"], theirs.headers["Location"]

    waiting = await shop.get(path)
    assert (early.status_code, waiting.status_code, waiting.json()) == (202, 200, early.json())
    assert (await acme.get(their_path)).json() == theirs.json()
    assert (await shop.get(their_path)).json()["status"] == "waiting_for_purchase"
    hidden = await acme.get(path), await bazaar.get(their_path)
    assert [answer.status_code for answer in hidden] == [404, 404]
    assert [answer.json()["code"] for answer in hidden] == ["return_not_found"] * 2

    await shop.post("/v1/purchases", json=purchase())
    applied = (await shop.get(path)).json()
    assert (applied["id"], applied["status"]) == (early.json()["id"], "returned")


async def test_returns_are_listed_by_order_and_by_customer(profile: Profile) -> None:
    shop, scopes = profile.operator(), [*SCOPES, "returns:read"]
    acme = profile.partner("acme", scopes)
    mine = (await shop.post("/v1/purchases", json=purchase("1001"))).json()
    other = (await shop.post("/v1/purchases", json=purchase("1002", customer={"external_id": "C-2"}))).json()
    await acme.post("/v1/purchases", json=purchase("1001"))
    made = [
        (await client.post("/v1/returns", json=returned(name, order))).json()
        for client, name, order in (
            (shop, "R-1", "1001"), (shop, "R-2", "1002"), (shop, "R-3", "1001"), (acme, "R-1", "1001"),
        )
    ]  # fmt: skip
    await shop.post("/v1/returns", json=returned("R-4", "unknown"))

    async def listed(client: httpx2.AsyncClient, **query: str) -> list[str]:
        answer = await client.get("/v1/returns", params=query)
        assert answer.status_code == 200, answer.text
        return [item["id"] for item in answer.json()["items"]]

    ids = [body["id"] for body in made]
    assert await listed(shop) == ids[::-1]
    assert (await shop.get("/v1/returns", params={"limit": "1"})).json()["items"] == [made[3]]
    assert await listed(shop, source="web", order_id="1001", issuer="shop") == [ids[2], ids[0]]
    assert await listed(shop, purchase_id=mine["id"]) == [ids[2], ids[0]]
    assert await listed(shop, customer_id=other["customer_id"]) == [ids[1]]
    assert await listed(shop, customer_id="ext:C-2") == [ids[1]]
    assert await listed(acme) == [ids[3]]
    assert await listed(acme, issuer="shop") == []
    assert await listed(acme, customer_id=mine["customer_id"]) == []
    assert await listed(profile.customer(mine["customer_id"])) == [ids[2], ids[0]]
    assert await listed(profile.customer(mine["customer_id"]), customer_id=other["customer_id"]) == []
    unknown = await shop.get("/v1/returns", params={"customer_id": new_id("cus")})
    assert (unknown.status_code, unknown.json()["code"]) == (404, "customer_not_found")


async def test_a_return_of_a_purchase_that_is_claimed_later_is_listed_with_its_customer(
    profile: Profile,
) -> None:
    shop = profile.operator()
    await shop.post("/v1/purchases", json=purchase("1001", customer=None))
    await shop.post("/v1/returns", json=returned("R-1", "1001"))
    customer = (await shop.post("/v1/customers", json={"external_id": "C-7"})).json()["id"]
    assert (await shop.get("/v1/returns", params={"customer_id": customer})).json()["items"] == []

    claim = {
        "source": "web",
        "order_id": "1001",
        "purchased_at": "2026-03-10T09:30:00Z",
        "amount_minor": 1000,
    }
    claimed = await shop.post("/v1/purchases:claim", json=claim | {"customer": {"id": customer}})
    assert claimed.status_code == 200, claimed.text
    (item,) = (await shop.get("/v1/returns", params={"customer_id": customer})).json()["items"]
    assert (item["return_id"], item["customer_id"]) == ("R-1", customer)


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
    assert (retried.status_code, retried.json()["code"]) == (409, "set_aside_wrong_state")
    assert (discarded.status_code, discarded.json()) == (200, {"applied": 0})
    assert (again.status_code, again.json()["code"]) == (404, "not_set_aside")
    assert corrected.status_code == 201, corrected.text
    assert await profile.count(tables.purchase_return) == 1, "the discarded one is not applied later"
