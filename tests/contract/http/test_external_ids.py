"""`ext:` and the merchant's own id in the place of a customer's id: in every service, path, query and body."""

from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx2
import pytest
from sqlalchemy import select

from shared.audit.tables import audit
from shared.http.openapi import operations
from shared.http.operation import CUSTOMER
from shared.http.routes import Route
from shared.ids import new_id
from tests.contract.http.asking import ask
from tests.contract.http.test_locations import CREATIONS
from tests.parts import facts, tokens
from tests.parts.databases import Kind
from tests.parts.opened import ADMIN, NOW, SERVICES, Opened, opened
from tests.parts.tokens import Subject

LEARNERS = ("loyalty", "feedback", "scoring")
"""The services that learn external ids from events."""
COMPLAINT = {"channel": "web", "title": "It leaks", "body": "It drips."}
READS = {"loyalty": "/v1/members/{}", "scoring": "/v1/customers/{}/scores", "profile": "/v1/customers/{}"}


def references(house: Opened, *external_ids: str, issuer: str = "shop") -> list[str]:
    return [house.vault.reference(issuer, external_id) for external_id in external_ids]


async def name_owner(house: Opened, *external_ids: str, version: int = 1) -> None:
    """Let the service know the owner by these ids of the shop, and by no other."""
    if house.service.name == "profile":
        for external_id in external_ids:
            await house.post(ADMIN, "/v1/customers", {"id": house.owner, "external_id": external_id})
    else:
        told = references(house, *external_ids)
        await house.tell(facts.updated(house.owner, NOW, version=version, references=told))


async def get(house: Opened, path: str, subject: Subject = ADMIN, **query: str) -> httpx2.Response:
    async with house.client(subject) as client:
        return await client.get(path, params=query)


def named_of(routes: list[Route]) -> list[Route]:
    return [route for route in routes if route.operation.names_customer]


async def test_every_path_that_names_a_customer_takes_an_external_id(house: Opened) -> None:
    await name_owner(house, "gid://shop/1")
    named = {"customer_id": "ext:" + quote("gid://shop/1", safe="")}
    for route in named_of(operations(house.app.routes)):
        ids = house.of_owner | named
        content = CREATIONS.get(route.operation.id)
        answer = await ask(house, route, ids, subject=ADMIN, content=content)
        assert answer.is_success, (route.operation.id, answer.text)
        if route.method == "GET":
            by_id = await ask(house, route, house.of_owner, subject=ADMIN)
            assert _plain(answer) == _plain(by_id), route.operation.id
        else:
            assert answer.json()["customer_id"] == house.owner, route.operation.id
        unknown = await ask(house, route, ids | {"customer_id": "ext:none"}, subject=ADMIN, content=content)
        nobodys = await ask(
            house, route, ids | {"customer_id": new_id("cus")}, subject=ADMIN, content=content
        )
        assert _plain(unknown) == _plain(nobodys), route.operation.id
        assert unknown.status_code == 404
        assert "issuer" in route.operation.query
    assert named_of(house.routes) or house.service.name == "feedback"


async def test_every_request_that_names_a_customer_says_that_it_takes_an_external_id(house: Opened) -> None:
    document = house.app.openapi()
    described = [
        parameter["description"]
        for methods in document["paths"].values()
        for operation in methods.values()
        for parameter in operation.get("parameters", ())
        if parameter["name"] == "customer_id"
    ]
    described += [
        schema["properties"]["customer_id"]["description"]
        for name, schema in document["components"]["schemas"].items()
        if name.endswith("In") and "customer_id" in schema.get("properties", {})
    ]
    assert described
    assert all("`ext:" in text for text in described)


async def test_every_filter_by_a_customer_takes_me_with_a_customers_token(house: Opened) -> None:
    filtered = [route for route in house.routes if CUSTOMER in route.operation.query]
    assert "list_audit" in {route.operation.id for route in filtered}
    own = tokens.customer(house.owner)
    for route in filtered:
        for subject in (ADMIN, house.with_every_scope("mart")):
            refused = await get(house, route.path_format, subject, customer_id="me")
            if refused.status_code != 403:
                assert (refused.status_code, refused.json()["code"]) == (422, "no_customer_of_token")
        if route.operation.allow.customer is not None:
            mine = await get(house, route.path_format, own, customer_id="me")
            named = await get(house, route.path_format, own, customer_id=house.owner)
            assert mine.status_code == 200, (route.operation.id, mine.text)
            assert mine.json()["items"], route.operation.id
            assert mine.json() == named.json(), route.operation.id


async def test_a_body_takes_me_with_a_customers_token(tmp_path: Path) -> None:
    async with opened("feedback", tmp_path) as house:
        own = tokens.customer(house.owner)
        mine = await house.post(own, "/v1/complaints", complaint("me"))
        async with house.client(own) as client:
            stored = (await client.get(f"/v1/complaints/{mine['id']}")).json()
        assert stored["customer_id"] == house.owner
        async with house.client(ADMIN) as client:
            refused = await client.post("/v1/complaints", json=complaint("me"), headers=house.key())
        assert (refused.status_code, refused.json()["code"]) == (422, "no_customer_of_token")
    async with opened("loyalty", tmp_path) as house, house.client(ADMIN) as client:
        refused = await client.post("/v1/exports", json={"customer_id": "me"}, headers=house.key())
        assert (refused.status_code, refused.json()["code"]) == (422, "no_customer_of_token")


def _plain(answer: httpx2.Response) -> dict[str, Any]:
    document: dict[str, Any] = answer.json()
    return document | {"request_id": ""}


@pytest.mark.parametrize("name", SERVICES)
async def test_the_audit_trail_knows_whom_an_external_id_named(name: str, tmp_path: Path) -> None:
    async with opened(name, tmp_path) as house:
        await name_owner(house, "C-77")
        if name == "loyalty":
            await house.post(ADMIN, "/v1/members/ext:C-77/redemptions", {"points": 1})
        rows = (await get(house, "/v1/audit", customer_id="ext:C-77")).json()["items"]
        assert rows == (await get(house, "/v1/audit", customer_id=house.owner)).json()["items"]
        assert "C-77" not in str(rows)
        if name == "loyalty":
            assert (rows[0]["operation"], rows[0]["customer_id"]) == ("redeem_points", house.owner)
        assert (await get(house, "/v1/audit", customer_id="ext:none")).json()["items"] == []


@pytest.mark.parametrize("name", READS)
async def test_an_external_id_is_known_in_every_spelling_and_within_its_issuer(
    name: str, kind: Kind, tmp_path: Path
) -> None:
    async with opened(name, tmp_path, kind) as house:
        await name_owner(house, "C-11")
        path = READS[name]
        for spelling in ("ext:C-11", "ext: C-11 ", "ext:Ｃ-１１\u3000", "ext:C-11\u200b"):
            assert (await get(house, path.format(quote(spelling)))).status_code == 200, spelling
        for spelling in ("ext:c-11", "ext:", "ext:%20", "ext:C-11%07", "EXT:C-11", "ext:" + "x" * 600):
            assert (await get(house, path.format(spelling))).status_code == 404, spelling
        assert (await get(house, path.format("ext:C-11"), issuer="shop")).status_code == 200
        assert (await get(house, path.format("ext:C-11"), issuer="partner:mart")).status_code == 404
        assert (await get(house, path.format("ext:C-11"), issuer="nobody")).status_code == 422


@pytest.mark.parametrize("name", ["loyalty", "scoring"])
async def test_an_operator_names_a_partners_customer_by_its_issuer(name: str, tmp_path: Path) -> None:
    async with opened(name, tmp_path) as house:
        await name_owner(house, "C-1")
        marts = new_id("cus")
        told = references(house, "C-1", issuer="partner:mart")
        await house.tell(facts.registered(marts, NOW, issuer="partner:mart", references=told))
        path = READS[name].format("ext:C-1")
        assert (await get(house, path)).json()["customer_id"] == house.owner
        assert (await get(house, path, issuer="partner:mart")).json()["customer_id"] == marts


@pytest.mark.parametrize("name", ["loyalty", "scoring"])
async def test_an_external_id_follows_merges_updates_and_the_erasure(
    name: str, kind: Kind, tmp_path: Path
) -> None:
    async with opened(name, tmp_path, kind) as house:
        path = READS[name].format("ext:C-1")
        assert (await get(house, path)).status_code == 404
        await name_owner(house, "C-1", "C-2")
        assert (await get(house, path)).json()["customer_id"] == house.owner
        await house.tell(facts.merged(house.owner, house.other, NOW))
        assert (await get(house, path)).json()["customer_id"] == house.other
        await house.tell(facts.unmerged(house.owner, NOW, former=house.other, version=2))
        assert (await get(house, path)).json()["customer_id"] == house.owner
        await name_owner(house, "C-2", version=2)
        assert (await get(house, path)).status_code == 404
        assert (await get(house, READS[name].format("ext:C-2"))).status_code == 200
        await house.tell(facts.erased(house.owner, NOW))
        assert (await get(house, READS[name].format("ext:C-2"))).status_code == 404
        await name_owner(house, "C-2", version=3)
        assert (await get(house, READS[name].format("ext:C-2"))).status_code == 404


async def test_the_location_of_what_was_created_names_the_customer_and_a_repeat_says_the_same(
    kind: Kind, tmp_path: Path
) -> None:
    async with opened("loyalty", tmp_path, kind) as house, house.client(ADMIN) as client:
        await name_owner(house, "C-1")
        key = house.key()
        body = {"points": 3}
        first = await client.post("/v1/members/ext:C-1/redemptions", json=body, headers=key)
        again = await client.post("/v1/members/ext:C-1/redemptions", json=body, headers=key)
        assert (first.status_code, again.headers["Idempotency-Hit"]) == (201, "true")
        address = f"/v1/members/{house.owner}/redemptions/{first.json()['id']}"
        assert (first.headers["Location"], again.headers["Location"]) == (address, address)
        refused = await client.post("/v1/members/ext:none/redemptions", json=body, headers=house.key())
        assert (refused.status_code, refused.json()["code"]) == (404, "member_not_found")


async def test_pages_and_waiting_go_on_behind_an_external_id(tmp_path: Path) -> None:
    async with opened("loyalty", tmp_path) as house:
        await name_owner(house, "C-1")
        bought = facts.purchase(house.owner, NOW, [facts.line("tea", 1, 100)])
        await house.tell(bought)
        path = "/v1/members/ext:C-1/ledger"
        first = (await get(house, path, limit="1", after=bought.purchase_id)).json()
        assert first["after"] == {"id": bought.purchase_id, "applied": True}
        second = (await get(house, path, limit="1", cursor=first["next_cursor"])).json()
        assert len(first["items"]) == len(second["items"]) == 1
        assert first["items"] != second["items"]


async def test_an_export_takes_an_external_id(tmp_path: Path) -> None:
    async with opened("loyalty", tmp_path) as house, house.client(ADMIN) as client:
        await name_owner(house, "C-1")
        for body, status in (
            ({"customer_id": "ext:C-1"}, 202),
            ({"customer_id": "ext:C-1", "issuer": "partner:mart"}, 404),
            ({"customer_id": "ext:none"}, 404),
            ({"customer_id": new_id("cus")}, 404),
        ):
            answer = await client.post("/v1/exports", json=body, headers=house.key())
            assert answer.status_code == status, (body, answer.text)


async def test_a_customers_token_is_told_to_say_me_in_place_of_any_external_id(house: Opened) -> None:
    await name_owner(house, "C-1")
    own, other = tokens.customer(house.owner), tokens.customer(house.other)
    asked = [route for route in house.routes if route.operation.allow.customer is not None]
    for name in ("ext:C-1", "ext:none"):
        answers = []
        for subject in (own, other):
            for route in asked:
                if route.operation.names_customer:
                    content = CREATIONS.get(route.operation.id)
                    ids = house.of_owner | {"customer_id": name}
                    answers.append(await ask(house, route, ids, subject=subject, content=content))
                elif CUSTOMER in route.operation.query:
                    answers.append(await get(house, route.path_format, subject, customer_id=name))
            if house.service.name == "feedback":
                async with house.client(subject) as client:
                    answers.append(
                        await client.post("/v1/complaints", json=complaint(name), headers=house.key())
                    )
        assert bool(answers) == (house.service.name != "scoring"), "no customer calls scoring"
        for answer in answers:
            assert (answer.status_code, answer.json()["code"]) == (422, "customer_says_me"), answer.text


@pytest.mark.parametrize("name", ["loyalty"])
async def test_a_customers_token_names_itself_by_its_own_id_only(name: str, tmp_path: Path) -> None:
    async with opened(name, tmp_path) as house:
        await name_owner(house, "C-1")
        own, other = tokens.customer(house.owner), tokens.customer(house.other)
        unknown = new_id("cus")
        answers = [
            _plain(await get(house, f"/v1/members/{customer}", subject))
            for customer, subject in ((house.owner, other), (house.other, own), (unknown, own))
        ]
        assert all(answer == answers[0] for answer in answers)
        assert answers[0]["status"] == 404


def complaint(customer_id: str, **more: str) -> dict[str, Any]:
    customer = {"id": customer_id, **more}
    return {"customer": customer, "channel": "web", "title": "It leaks", "body": "It drips."}


async def test_a_complaint_and_the_list_of_complaints_take_an_external_id(kind: Kind, tmp_path: Path) -> None:
    async with opened("feedback", tmp_path, kind) as house:
        await name_owner(house, "C-1")
        brought = house.of_partner["customer_id"]
        told = references(house, "C-1", issuer="partner:mart")
        await house.tell(facts.updated(brought, NOW, version=1, references=told))
        mart, bazaar = house.with_every_scope("mart"), house.with_every_scope("bazaar")

        for subject, more, customer_id in (
            (ADMIN, {}, house.owner),
            (ADMIN, {"issuer": "partner:mart"}, brought),
            (mart, {}, brought),
            (mart, {"issuer": "partner:mart"}, brought),
        ):
            opened_id = (await house.post(subject, "/v1/complaints", complaint("ext:C-1", **more)))["id"]
            listed = await get(house, "/v1/complaints", subject, customer_id="ext:C-1", **more)
            newest = listed.json()["items"][0]
            assert (newest["id"], newest["customer_id"]) == (opened_id, customer_id)

        for subject, name, more in (
            (ADMIN, "ext:none", {}),
            (bazaar, "ext:C-1", {}),
            (bazaar, "ext:C-1", {"issuer": "partner:mart"}),
            (mart, "ext:C-1", {"issuer": "shop"}),
        ):
            async with house.client(subject) as client:
                refused = await client.post(
                    "/v1/complaints", json=complaint(name, **more), headers=house.key()
                )
            assert (refused.status_code, refused.json()["code"]) == (422, "unknown_customer")
            listed = await get(house, "/v1/complaints", subject, customer_id=name, **more)
            assert (listed.status_code, listed.json()["items"]) == (200, [])


async def test_a_customer_complains_under_no_external_id(tmp_path: Path) -> None:
    async with opened("feedback", tmp_path) as house, house.client(tokens.customer(house.owner)) as client:
        await name_owner(house, "C-1")
        codes = [
            (await client.post("/v1/complaints", json=complaint(name), headers=house.key())).json()["code"]
            for name in ("ext:C-1", "ext:none", new_id("cus"))
        ]
        assert codes == ["customer_says_me", "customer_says_me", "other_customer_named"]
        for name in ("cus_1", "ext:", "C-1", "mine"):
            answer = await client.post("/v1/complaints", json=complaint(name), headers=house.key())
            assert answer.json()["errors"][0]["pointer"] == "/customer/id"


async def test_a_refused_act_is_written_down_with_the_customer_that_it_named(house: Opened) -> None:
    """Refused for the role, before the name was looked up, and by the use case, after it was."""
    if house.service.name == "profile":
        return
    await name_owner(house, "C-1")
    viewer = tokens.operator("viewer", name="li.lei")
    cases: dict[str, list[tuple[str, dict[str, Any], str | None]]] = {
        "loyalty": [
            ("/v1/members/ext:C-1/adjustments", {"points": -(10**9), "reason": "Twice"}, "insufficient_points"),
            ("/v1/members/ext:C-1/redemptions", {"points": 10**9}, "insufficient_points"),
            ("/v1/exports", {"customer_id": "ext:C-1"}, None),
        ],
        "feedback": [
            ("/v1/complaints", {"customer": {"id": "ext:C-1"}} | COMPLAINT | {"follows": new_id("cmp")}, "follows_refused"),
            ("/v1/complaints", {"customer": {"id": house.owner}} | COMPLAINT, None),
            ("/v1/complaints", {"customer": {"id": "ext:none"}} | COMPLAINT, "unknown_customer"),
        ],
    }  # fmt: skip
    for path, body, code in cases.get(house.service.name, []):
        for subject, outcome in ((viewer, "forbidden"), (ADMIN, code)):
            if outcome is None:
                continue
            async with house.client(subject) as client:
                answer = await client.post(path, json=body, headers=house.key())
            assert answer.json()["code"] == outcome, answer.text
            async with house.database.read() as read:
                (row,) = await read.all(
                    select(audit).where(audit.c.request_id == answer.headers["request-id"])
                )
            known = "none" not in str(body)
            assert (row.outcome, row.customer_id) == (outcome, house.owner if known else None), path
    async with house.client(tokens.operator("manager")) as client:
        listed = (await client.get("/v1/audit", params={"customer_id": "ext:C-1"})).json()["items"]
    assert "forbidden" in {item["outcome"] for item in listed} or house.service.name == "scoring"


async def test_a_refused_act_on_an_identity_that_was_merged_is_written_down_with_its_owner(
    house: Opened,
) -> None:
    paths = {
        "loyalty": ("/v1/members/{}/adjustments", {"points": 1, "reason": "Twice"}),
        "feedback": ("/v1/complaints", {"customer": {"id": house.owner}} | COMPLAINT),
    }
    if house.service.name not in paths:
        return
    await house.tell(facts.merged(house.owner, house.other, NOW))
    path, body = paths[house.service.name]
    async with house.client(tokens.operator("viewer")) as client:
        answer = await client.post(path.format(house.owner), json=body, headers=house.key())
    assert answer.json()["code"] == "forbidden", answer.text
    async with house.database.read() as read:
        (row,) = await read.all(select(audit).where(audit.c.request_id == answer.headers["request-id"]))
    assert (row.customer_id, row.identity_id) == (house.other, house.owner)
