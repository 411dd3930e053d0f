"""Purchases over HTTP: what comes back, to whom, and what is said about bad input."""

import asyncio
from datetime import datetime
from typing import Any

import httpx2
import pytest
from sqlalchemy import update

from services.profile.people.storage.tables import identity
from services.profile.purchases.storage import tables
from shared.ids import new_id
from shared.limits import LINE_AMOUNT_MAX
from tests.profile.running import Profile, purchase, returned


async def test_a_purchase_is_recorded_and_read(profile: Profile) -> None:
    client = profile.operator()
    answer = await client.post("/v1/purchases", json=purchase())
    assert answer.status_code == 201, answer.text
    body = answer.json()
    assert {name: body[name] for name in ("source", "order_id", "purchased_at", "currency", "amount_minor")} == {
        "source": "web", "order_id": "1001", "purchased_at": "2026-03-10T09:30:00Z", "currency": "CNY",
        "amount_minor": 1000,
    }  # fmt: skip
    assert body["customer_id"] == body["identity_id"]
    assert body["unattached"] == []
    read = (await client.get(f"/v1/purchases/{body['id']}")).json()
    assert read["lines"] == [
        {
            "line": 1, "sku": "TEA", "quantity": 3, "amount_minor": 1000, "category": "tea", "brand": None,
            "name": "for Ana", "returned_quantity": 0,
        }
    ]  # fmt: skip


async def test_a_repeat_gets_the_same_bytes_also_after_a_merge(profile: Profile) -> None:
    client = profile.operator()
    first = await client.post("/v1/purchases", json=purchase())
    other = await client.post("/v1/customers", json={"external_id": "C-2"})
    async with profile.database.begin() as tx:
        owner = {"owner_id": other.json()["id"], "ownership_version": 1}
        loser = first.json()["identity_id"]
        await tx.execute(update(identity).where(identity.c.identity_id == loser).values(**owner))
    spelled_otherwise = purchase(customer={"phone": "+86 138 0013 8001", "external_id": "C-1"})
    again = await client.post("/v1/purchases", json=spelled_otherwise)
    assert (again.status_code, again.content) == (201, first.content)
    read = (await client.get(f"/v1/purchases/{first.json()['id']}")).json()
    assert (read["customer_id"], read["identity_id"]) == (other.json()["id"], loser)


async def test_other_content_is_a_409_that_names_the_fields(profile: Profile) -> None:
    client = profile.operator()
    await client.post("/v1/purchases", json=purchase())
    changed = purchase(currency="USD", customer={"external_id": "C-9"})
    answer = await client.post("/v1/purchases", json=changed)
    assert answer.status_code == 409
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert (problem["code"], problem["fields"]) == ("order_conflict", ["currency", "customer"])


async def test_a_phone_that_is_another_customers_is_reported_without_its_value(profile: Profile) -> None:
    client = profile.operator()
    await client.post("/v1/purchases", json=purchase())
    answer = await client.post(
        "/v1/purchases", json=purchase("1002", customer={"external_id": "C-2", "phone": "13800138001"})
    )
    assert answer.json()["unattached"] == [{"kind": "phone", "reason": "held_by_another_customer"}]


LINE: dict[str, Any] = {"sku": "TEA", "quantity": 1, "amount_minor": 5}


@pytest.mark.parametrize(
    ("changes", "pointer", "code"),
    [
        ({"customer": {"id": "cus_01k2m9d6v4e8r7a1b2c3d4e5f6"}}, "/customer/id", "unknown_customer"),
        ({"customer": {}}, "/customer", "identifier_required"),
        ({"customer": "C-1"}, "/customer", None),
        ({"customer": {"phone": "12"}}, "/customer/phone", "phone_invalid"),
        ({"customer": {"email": "secret@"}}, "/customer/email", "email_invalid"),
        ({"customer": {"phone": "13800138001", "wechat": "x"}}, "/customer/wechat", "unknown_field"),
        ({"currency": "XXX"}, "/currency", "unknown_currency"),
        ({"currency": "cny"}, "/currency", "wrong_shape"),
        ({"purchased_at": "2026-03-10T09:30:00"}, "/purchased_at", "naive_time"),
        ({"purchased_at": "2026-03-12T00:00:00Z"}, "/purchased_at", "in_the_future"),
        ({"purchased_at": "0001-01-01T00:00:00Z"}, "/purchased_at", "too_long_ago"),
        ({"purchased_at": "1900-01-01T00:00:00Z"}, "/purchased_at", "too_long_ago"),
        ({"purchased_at": "1989-12-31T23:59:59.999999Z"}, "/purchased_at", "too_long_ago"),
        ({"purchased_at": "9999-12-31T23:59:59Z"}, "/purchased_at", "in_the_future"),
        ({"lines": []}, "/lines", "too_few"),
        ({"lines": [LINE] * 1001}, "/lines", "too_many"),
        ({"lines": [LINE | {"quantity": 0}]}, "/lines/0/quantity", "too_small"),
        ({"lines": [LINE | {"quantity": 1.5}]}, "/lines/0/quantity", "not_an_integer"),
        ({"lines": [LINE | {"quantity": "1"}]}, "/lines/0/quantity", "not_an_integer"),
        ({"lines": [LINE | {"quantity": True}]}, "/lines/0/quantity", "not_an_integer"),
        ({"lines": [LINE | {"amount_minor": -1}]}, "/lines/0/amount_minor", "too_small"),
        ({"lines": [LINE | {"amount_minor": 2**63}]}, "/lines/0/amount_minor", None),
        ({"issuer": "partner:p"}, "/issuer", "unknown_field"),
        ({"order_id": "x" * 129}, "/order_id", "too_long"),
        ({"source": "a\nb"}, "/source", "wrong_shape"),
    ],
)
async def test_bad_input_is_a_422_that_points_at_the_field(
    one_profile: Profile, changes: dict[str, Any], pointer: str, code: str | None
) -> None:
    answer = await one_profile.operator().post("/v1/purchases", json=purchase(**changes))
    assert answer.status_code == 422, answer.text
    errors = answer.json()["errors"]
    assert [error["pointer"] for error in errors] == [pointer]
    assert code is None or errors[0]["code"] == code
    assert "secret" not in answer.text
    assert await one_profile.count(tables.purchase) == await one_profile.count(identity) == 0


async def test_zero_is_a_price_and_large_quantities_are_legal(one_profile: Profile) -> None:
    lines = [LINE | {"amount_minor": 0, "quantity": 32_623}, LINE | {"amount_minor": LINE_AMOUNT_MAX}]
    answer = await one_profile.operator().post("/v1/purchases", json=purchase(lines=lines))
    assert answer.status_code == 201, answer.text


async def test_a_batch_answers_each_item_and_holds_nothing_personal(profile: Profile) -> None:
    client = profile.operator()
    await client.post("/v1/purchases", json=purchase("1"))
    items = [
        purchase("1"),
        purchase("1", currency="USD"),
        purchase("2", customer={"phone": "12"}),
        purchase("3", customer={"external_id": "C-3", "phone": "13800138001"}),
    ]
    answer = await client.post("/v1/purchases:batch", json={"items": items})
    assert answer.status_code == 207, answer.text
    outcomes = answer.json()["items"]
    assert [outcome["status"] for outcome in outcomes] == [201, 409, 422, 201]
    assert [(outcome["problem"] or {}).get("code") for outcome in outcomes] == [
        None,
        "order_conflict",
        "phone_invalid",
        None,
    ]
    assert outcomes[3]["purchase"]["unattached"][0]["kind"] == "phone"
    for secret in ("13800138001", "Ana", "C-3", "C-1"):
        assert secret not in answer.text


async def test_a_batch_speaks_the_callers_language(one_profile: Profile) -> None:
    broken = {"items": [purchase("2", customer={"phone": "12"})]}
    answer = await one_profile.operator().post(
        "/v1/purchases:batch", json=broken, headers={"Accept-Language": "zh"}
    )
    assert "电话" in answer.json()["items"][0]["problem"]["detail"]


async def test_a_malformed_item_refuses_the_whole_batch_and_says_which(one_profile: Profile) -> None:
    items = [purchase("1"), purchase("2", lines=[])]
    answer = await one_profile.operator().post("/v1/purchases:batch", json={"items": items})
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["pointer"] == "/items/1/lines"
    assert await one_profile.count(tables.purchase) == 0
    too_many = {"items": [purchase(str(number)) for number in range(501)]}
    answer = await one_profile.operator().post("/v1/purchases:batch", json=too_many)
    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (422, "too_many")


async def test_with_an_idempotency_key_the_stored_answer_comes_back(profile: Profile) -> None:
    client, key = profile.operator(), {"Idempotency-Key": "k-1"}
    first = await client.post("/v1/purchases", json=purchase(), headers=key)
    again = await client.post("/v1/purchases", json=purchase(), headers=key)
    assert (again.status_code, again.content) == (201, first.content)
    assert again.headers["Idempotency-Hit"] == "true"
    other = await client.post("/v1/purchases", json=purchase("1002"), headers=key)
    assert other.json()["code"] == "idempotency_key_reused"


async def test_customers_see_their_own_purchases_only(profile: Profile) -> None:
    client = profile.operator()
    mine = (await client.post("/v1/purchases", json=purchase("1"))).json()
    theirs = (await client.post("/v1/purchases", json=purchase("2", customer={"external_id": "C-2"}))).json()
    me = profile.customer(mine["customer_id"])
    assert (await me.get(f"/v1/purchases/{mine['id']}")).status_code == 200
    refused = await me.get(f"/v1/purchases/{theirs['id']}")
    unknown = await me.get(f"/v1/purchases/{new_id('pur')}")
    assert refused.status_code == unknown.status_code == 404
    assert {**refused.json(), "request_id": ""} == {**unknown.json(), "request_id": ""}
    assert [purchase["id"] for purchase in (await me.get("/v1/purchases")).json()["items"]] == [mine["id"]]
    asked = await me.get("/v1/purchases", params={"customer_id": theirs["customer_id"]})
    assert (asked.status_code, asked.json()) == (200, {"items": [], "next_cursor": None})
    assert (await me.post("/v1/purchases", json=purchase("3"))).status_code == 403


async def test_partners_see_and_name_only_what_they_brought(profile: Profile) -> None:
    ours = (await profile.operator().post("/v1/purchases", json=purchase("1"))).json()
    partner = profile.partner("acme")
    theirs = (await partner.post("/v1/purchases", json=purchase("2"))).json()
    assert theirs["customer_id"] != ours["customer_id"]
    assert theirs["unattached"] == []
    assert [purchase["id"] for purchase in (await partner.get("/v1/purchases")).json()["items"]] == [
        theirs["id"]
    ]
    assert (await partner.get(f"/v1/purchases/{ours['id']}")).status_code == 404
    named = await partner.post("/v1/purchases", json=purchase("3", customer={"id": ours["customer_id"]}))
    assert (named.status_code, named.json()["code"]) == (422, "unknown_customer")
    back = await partner.post("/v1/returns", json=returned(order="1"))
    assert (back.status_code, back.json()["status"]) == (202, "waiting_for_purchase")
    same_order = await partner.post("/v1/purchases", json=purchase("1", currency="USD"))
    assert (same_order.status_code, same_order.json()["customer_id"]) == (201, theirs["customer_id"])
    asked = await partner.get("/v1/purchases", params={"customer_id": ours["customer_id"]})
    assert (asked.status_code, asked.json()) == (200, {"items": [], "next_cursor": None})
    assert (await profile.partner("other").get(f"/v1/purchases/{theirs['id']}")).status_code == 404
    assert (
        await profile.partner("acme", ["purchases:read"]).post("/v1/purchases", json=purchase("4"))
    ).status_code == 403


async def test_lists_are_filtered_and_paged(profile: Profile) -> None:
    client = profile.operator()
    items = [
        purchase(
            str(number),
            customer={"external_id": f"C-{number % 2}"},
            purchased_at=f"2026-03-0{number + 1}T00:00:00Z",
        )
        for number in range(6)
    ]
    outcomes = (await client.post("/v1/purchases:batch", json={"items": items})).json()["items"]
    ids = {outcome["purchase"]["order_id"]: outcome["purchase"]["id"] for outcome in outcomes}
    seen: list[str] = []
    cursor: dict[str, str] = {}
    while True:
        page = (await client.get("/v1/purchases", params={"limit": 4, **cursor})).json()
        seen += [purchase["id"] for purchase in page["items"]]
        if page["next_cursor"] is None:
            break
        cursor = {"cursor": page["next_cursor"]}
    assert sorted(seen) == sorted(ids.values())
    assert seen == sorted(seen, reverse=True)
    for params, orders in (
        ({"customer_id": "ext:C-0"}, "024"),
        ({"order_id": "3"}, "3"),
        ({"source": "till"}, ""),
        ({"purchased_from": "2026-03-05T00:00:00Z"}, "45"),
        ({"purchased_until": "2026-03-02T00:00:00Z"}, "0"),
    ):
        page = (await client.get("/v1/purchases", params=params)).json()
        assert sorted(purchase["order_id"] for purchase in page["items"]) == list(orders), params
    foreign = await client.get("/v1/purchases", params={"source": "web", **cursor})
    assert foreign.json()["code"] == "cursor_invalid"
    assert (await client.get("/v1/purchases", params={"customr_id": "x"})).status_code == 422
    assert (await client.get("/v1/purchases", params={"customer_id": new_id("cus")})).status_code == 404


async def test_fifty_posts_of_one_unknown_buyer_make_one_customer(profile: Profile) -> None:
    client = profile.operator()

    async def post(number: int) -> httpx2.Response:
        async with profile.lanes:
            return await client.post("/v1/purchases", json=purchase(str(number)))

    answers = await asyncio.gather(*(post(number) for number in range(50)))
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.json()["customer_id"] for answer in answers}) == 1


@pytest.mark.parametrize("written", ["1001 ", " 1001", "１００１", "1001\u3000", "1001\u200b", "\ufeff1001"])
async def test_an_order_is_the_same_however_its_id_was_typed(profile: Profile, written: str) -> None:
    client = profile.operator()
    first = await client.post("/v1/purchases", json=purchase())
    again = await client.post("/v1/purchases", json=purchase(order_id=written))
    assert (again.status_code, again.content) == (201, first.content)
    listed = (await client.get("/v1/purchases", params={"order_id": written})).json()
    assert [item["id"] for item in listed["items"]] == [first.json()["id"]]


@pytest.mark.parametrize("field", ["source", "order_id", "channel", "store"])
@pytest.mark.parametrize("written", ["", " ", "\u3000", "\u200b", "\u202e\u200d"])
async def test_an_id_of_nothing_is_refused(profile: Profile, field: str, written: str) -> None:
    answer = await profile.operator().post("/v1/purchases", json=purchase(**{field: written}))
    assert answer.status_code == 422
    assert [(error["pointer"], error["code"]) for error in answer.json()["errors"]] == [
        (f"/{field}", "blank")
    ]


@pytest.mark.parametrize("field", ["source", "order_id", "channel", "store"])
@pytest.mark.parametrize("written", ["ana@example.com", "+86 138 0013 8000"])
async def test_an_address_of_a_person_is_no_id_of_the_shops(
    profile: Profile, field: str, written: str
) -> None:
    answer = await profile.operator().post("/v1/purchases", json=purchase(**{field: written}))
    assert answer.status_code == 422
    (error,) = answer.json()["errors"]
    assert (error["pointer"], error["code"]) == (f"/{field}", "personal_data")
    assert written not in answer.text


async def test_the_first_day_of_the_shop_is_told_and_taken(profile: Profile) -> None:
    client = profile.operator()
    early = await client.post("/v1/purchases", json=purchase(purchased_at="1989-12-31T23:59:59Z"))
    first = await client.post("/v1/purchases", json=purchase(purchased_at="1990-01-01T00:00:00Z"))
    assert "1990-01-01T00:00:00Z" in early.json()["errors"][0]["detail"]
    assert first.status_code == 201, first.text


@pytest.mark.parametrize("digits", ["1", "123456", "1234567", "123456999999999", "000000999"])
async def test_more_digits_of_a_second_are_taken_and_six_are_kept(profile: Profile, digits: str) -> None:
    client = profile.operator()
    answer = await client.post("/v1/purchases", json=purchase(purchased_at=f"2026-03-10T09:30:00.{digits}Z"))
    assert answer.status_code == 201, answer.text
    kept = answer.json()["purchased_at"]
    assert kept == (await client.get(f"/v1/purchases/{answer.json()['id']}")).json()["purchased_at"]
    assert datetime.fromisoformat(kept).microsecond == int(digits[:6].ljust(6, "0"))
    # The same instant to the microsecond is the same purchase.
    same = purchase(purchased_at=f"2026-03-10T09:30:00.{digits[:6]}Z")
    assert (await client.post("/v1/purchases", json=same)).status_code == 201
    listed = await client.get("/v1/purchases", params={"purchased_from": f"2026-03-10T09:30:00.{digits}Z"})
    assert len(listed.json()["items"]) == 1


async def test_an_erased_customer_named_by_id_is_gone(profile: Profile) -> None:
    client = profile.operator()
    erased = (await client.post("/v1/customers", json={"external_id": "C-1"})).json()["id"]
    await profile.erase(erased)
    answers = [
        await client.post("/v1/purchases", json=purchase(customer={"id": erased})),
        await client.post("/v1/customers", json={"id": erased, "external_id": "C-2"}),
    ]

    assert [(answer.status_code, answer.json()["code"]) for answer in answers] == [
        (410, "customer_erased")
    ] * 2
