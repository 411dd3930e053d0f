"""Claims over HTTP: who may claim what with which proof, and what a refusal tells."""

import asyncio
from datetime import timedelta
from typing import Any

import httpx2
import pytest

from services.profile.purchases.refusals import CLAIM_TRIES_MAX, CLAIM_TRIES_WITHIN
from shared.ids import new_id
from tests.profile.running import NOW, Profile, purchase, returned

CLAIM = "/v1/purchases:claim"
PROOF = {"amount_minor": 1000, "purchased_at": "2026-03-10T17:30:59+08:00"}
"""As printed: the local time without the right second."""


def claim(order: str = "1001", **changes: Any) -> dict[str, Any]:
    return {"source": "web", "order_id": order} | PROOF | changes


def said(answer: httpx2.Response) -> dict[str, Any]:
    """Return a refusal without the id of its request."""
    document: dict[str, Any] = answer.json()
    return {name: value for name, value in document.items() if name != "request_id"}


async def anonymous(profile: Profile, *orders: str) -> None:
    for order in orders:
        answer = await profile.operator().post("/v1/purchases", json=purchase(order, customer=None))
        assert answer.status_code == 201, answer.text


async def registered(profile: Profile, name: str) -> str:
    answer = await profile.operator().post("/v1/customers", json={"external_id": name})
    customer_id: str = answer.json()["id"]
    return customer_id


async def test_nobody_must_be_said(one_profile: Profile) -> None:
    client = one_profile.operator()
    body = purchase()
    del body["customer"]
    forgotten = await client.post("/v1/purchases", json=body)
    unnamed = await client.post("/v1/purchases", json=purchase(customer={}))
    said_so = await client.post("/v1/purchases", json=purchase(customer=None))

    assert [(error["pointer"], error["code"]) for error in forgotten.json()["errors"]] == [
        ("/customer", "missing")
    ]
    assert unnamed.status_code == 422
    recorded = said_so.json()
    assert (said_so.status_code, recorded["customer_id"], recorded["identity_id"]) == (201, None, None)
    batch = await client.post("/v1/purchases:batch", json={"items": [purchase(customer=None)]})
    assert batch.json()["items"][0]["purchase"] == recorded


@pytest.mark.both_databases
async def test_a_customer_claims_with_what_the_receipt_says(profile: Profile) -> None:
    await anonymous(profile, "1001")
    await profile.operator().post("/v1/returns", json=returned())
    ana = await registered(profile, "ana")
    client = profile.customer(ana)

    assert (await client.get("/v1/purchases")).json()["items"] == []
    first = await client.post(CLAIM, json=claim())
    again = await client.post(CLAIM, json=claim())
    keyed = [await client.post(CLAIM, json=claim(), headers={"Idempotency-Key": "k"}) for _ in range(2)]

    body = first.json()
    assert (first.status_code, body["customer_id"], body["amount_minor"]) == (200, ana, 1000)
    assert {answer.content for answer in (again, *keyed)} == {first.content}
    assert keyed[1].headers["idempotency-hit"] == "true"
    (listed,) = (await client.get("/v1/purchases")).json()["items"]
    assert (listed["id"], listed["claimed_at"]) == (body["id"], body["claimed_at"])
    read = (await client.get(f"/v1/purchases/{body['id']}")).json()
    assert [line["returned_quantity"] for line in read["lines"]] == [1]
    repeated = await profile.operator().post("/v1/purchases", json=purchase(customer=None))
    assert (repeated.status_code, repeated.json()["customer_id"]) == (201, None)


async def test_what_does_not_fit_is_one_answer(one_profile: Profile) -> None:
    ana, bo = await registered(one_profile, "ana"), await registered(one_profile, "bo")
    await anonymous(one_profile, "1001", "1002")
    await one_profile.partner("acme").post("/v1/purchases", json=purchase("P-1", customer=None))
    await one_profile.customer(bo).post(CLAIM, json=claim("1002"))
    guesses = (
        claim("none"),
        claim(amount_minor=1001),
        claim(purchased_at="2026-03-10T09:31:00Z"),
        claim("1002", amount_minor=1001),
        claim("P-1"),
    )
    answers = [await one_profile.customer(ana).post(CLAIM, json=guess) for guess in guesses]
    assert [answer.status_code for answer in answers] == [404] * 5
    assert all(said(answer) == said(answers[0]) for answer in answers)
    assert said(answers[0])["code"] == "receipt_not_found"


async def test_a_customer_proves_it_and_claims_for_nobody_else(one_profile: Profile) -> None:
    ana, bo = await registered(one_profile, "ana"), await registered(one_profile, "bo")
    await anonymous(one_profile, "1001")
    bare = {"source": "web", "order_id": "1001"}
    without = await one_profile.customer(ana).post(CLAIM, json=bare)
    for_bo = await one_profile.customer(ana).post(CLAIM, json=claim(customer={"id": bo}))
    nobody = await one_profile.operator().post(CLAIM, json=bare)

    assert [error["pointer"] for error in without.json()["errors"]] == ["/amount_minor", "/purchased_at"]
    for answer in (for_bo, nobody):
        assert (answer.status_code, answer.json()["code"]) == (422, "claim_incomplete")
        assert [error["pointer"] for error in answer.json()["errors"]] == ["/customer"]


async def test_a_taken_receipt_is_a_409_that_names_nobody(one_profile: Profile) -> None:
    ana, bo = await registered(one_profile, "ana"), await registered(one_profile, "bo")
    await anonymous(one_profile, "1001")
    await one_profile.operator().post("/v1/purchases", json=purchase("1002", customer={"external_id": "ana"}))
    await one_profile.customer(ana).post(CLAIM, json=claim())
    answers = [
        await one_profile.customer(bo).post(CLAIM, json=claim()),
        await one_profile.customer(bo).post(CLAIM, json=claim("1002")),
        await one_profile.operator().post(CLAIM, json=claim(customer={"phone": "13800138009"})),
    ]
    assert [(answer.status_code, said(answer)["code"]) for answer in answers] == [(409, "receipt_taken")] * 3
    assert all(said(answer) == said(answers[0]) for answer in answers)
    assert not any(ana in answer.text for answer in answers)


@pytest.mark.both_databases
async def test_failed_tries_at_once_are_all_counted(profile: Profile) -> None:
    ana = await registered(profile, "ana")
    client = profile.customer(ana)
    answers = await asyncio.gather(
        *(client.post(CLAIM, json=claim(f"guess {number}")) for number in range(3 * CLAIM_TRIES_MAX))
    )
    statuses = sorted(answer.status_code for answer in answers)
    assert statuses == [404] * CLAIM_TRIES_MAX + [429] * 2 * CLAIM_TRIES_MAX


@pytest.mark.both_databases
async def test_failed_tries_are_counted_for_a_day(profile: Profile) -> None:
    ana, bo = await registered(profile, "ana"), await registered(profile, "bo")
    await anonymous(profile, "1001", "1002")
    for number in range(CLAIM_TRIES_MAX):
        profile.clock.advance(timedelta(hours=1))
        answer = await profile.customer(ana).post(
            CLAIM, json=claim(f"guess {number}"), headers={"Idempotency-Key": f"k{number}"}
        )
        assert answer.status_code == 404
    right = await profile.customer(ana).post(CLAIM, json=claim())
    other = await profile.customer(bo).post(CLAIM, json=claim("1002"))
    assert (right.status_code, right.json()["code"]) == (429, "too_many_claim_tries")
    left = CLAIM_TRIES_WITHIN - timedelta(hours=CLAIM_TRIES_MAX - 1)
    assert right.headers["retry-after"] == str(int(left.total_seconds()))
    assert other.status_code == 200
    profile.clock.advance(left)
    assert (await profile.customer(ana).post(CLAIM, json=claim())).status_code == 200


async def test_a_receipt_is_claimed_within_its_window_but_by_operators(one_profile: Profile) -> None:
    ana = await registered(one_profile, "ana")
    await anonymous(one_profile, "1001")
    await one_profile.partner("acme").post("/v1/purchases", json=purchase(customer=None))
    one_profile.clock.set(NOW + timedelta(days=90))
    by_partner = claim(customer={"external_id": "C-1"})

    late = await one_profile.customer(ana).post(CLAIM, json=claim())
    late_partner = await one_profile.partner("acme").post(CLAIM, json=by_partner)
    unproven = await one_profile.customer(ana).post(CLAIM, json=claim(amount_minor=1))
    operator = await one_profile.operator().post(CLAIM, json=claim(customer={"id": ana}))
    again = await one_profile.customer(ana).post(CLAIM, json=claim())

    assert [(answer.status_code, answer.json()["code"]) for answer in (late, late_partner, unproven)] == [
        (409, "claim_too_late"), (409, "claim_too_late"), (404, "receipt_not_found"),
    ]  # fmt: skip
    assert (operator.status_code, again.content) == (200, operator.content)


async def test_a_partner_claims_its_own_for_its_own(one_profile: Profile) -> None:
    ana = await registered(one_profile, "ana")
    acme, other = one_profile.partner("acme"), one_profile.partner("other")
    await anonymous(one_profile, "1001")
    await acme.post("/v1/purchases", json=purchase("P-1", customer=None))
    bare = {"source": "web", "order_id": "P-1"}

    foreign = [
        await acme.post(CLAIM, json=claim(customer={"external_id": "C-1"})),
        await other.post(CLAIM, json=bare | {"customer": {"external_id": "C-1"}}),
    ]
    strange = await acme.post(CLAIM, json=bare | {"customer": {"id": ana}})
    mine = await acme.post(CLAIM, json=bare | {"customer": {"external_id": "C-1"}})
    again = await acme.post("/v1/purchases", json=purchase("P-1", customer=None))
    by_its_customer = await one_profile.customer(mine.json()["customer_id"]).post(CLAIM, json=claim("P-1"))

    assert [answer.json()["code"] for answer in foreign] == ["receipt_not_found"] * 2
    assert (strange.status_code, strange.json()["code"]) == (422, "unknown_customer")
    assert strange.json()["errors"][0]["pointer"] == "/customer/id"
    assert mine.status_code == 200
    assert again.json()["customer_id"] is None
    assert by_its_customer.content == mine.content
    (seen,) = (await acme.get("/v1/purchases")).json()["items"]
    assert seen["customer_id"] == mine.json()["customer_id"]


async def test_operators_see_the_anonymous_ones_and_customers_do_not(one_profile: Profile) -> None:
    ana = await registered(one_profile, "ana")
    await anonymous(one_profile, "1001")
    await one_profile.operator().post("/v1/purchases", json=purchase("1002", customer={"external_id": "ana"}))
    operator = one_profile.operator("viewer")

    listed = {
        wanted: (await operator.get("/v1/purchases", params=wanted and {"anonymous": wanted})).json()["items"]
        for wanted in ("", "true", "false")
    }
    assert [[row["order_id"] for row in rows] for rows in listed.values()] == [
        ["1002", "1001"],
        ["1001"],
        ["1002"],
    ]
    (row,) = listed["true"]
    assert (row["customer_id"], row["identity_id"]) == (None, None)
    assert (await operator.get(f"/v1/purchases/{row['id']}")).json()["customer_id"] is None
    for customer_id in (ana, new_id("cus")):
        client = one_profile.customer(customer_id)
        assert (await client.get(f"/v1/purchases/{row['id']}")).status_code == 404
        assert (await client.get("/v1/purchases", params={"anonymous": "true"})).json()["items"] == []


@pytest.mark.parametrize(("language", "word"), [("en", "No receipt fits"), ("zh", "没有相符的小票")])
async def test_a_refusal_says_what_to_do(one_profile: Profile, language: str, word: str) -> None:
    ana = await registered(one_profile, "ana")
    answer = await one_profile.customer(ana).post(CLAIM, json=claim(), headers={"Accept-Language": language})
    assert word in answer.json()["detail"]


async def test_customers_whom_profile_does_not_know_claim_nothing(one_profile: Profile) -> None:
    await anonymous(one_profile, "1001")
    unknown = await one_profile.customer(new_id("cus")).post(CLAIM, json=claim())
    assert (unknown.status_code, unknown.json()["code"]) == (404, "customer_not_found")


async def test_the_anonymous_ones_are_counted(one_profile: Profile) -> None:
    ana = await registered(one_profile, "ana")
    await anonymous(one_profile, "1001", "1002")
    await one_profile.customer(ana).post(CLAIM, json=claim())
    async with one_profile.database.read() as read:
        samples = await one_profile.service.gauges(read)
    assert {sample.measure.name: sample.value for sample in samples}["purchases_anonymous"] == 1
