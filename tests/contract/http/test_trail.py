"""Every operation leaves its trail: computed from the operations of all services."""

import json
import re
from pathlib import Path
from typing import Any

from sqlalchemy import select, text

from shared.audit.tables import audit
from shared.http.routes import Route
from shared.ids import new_id
from tests.contract.http.asking import ask, example_body, named_in_path, query_of, sent_as
from tests.parts import facts, tokens
from tests.parts.opened import ADMIN, NAMES, NOW, Opened, opened

REASON = "Ana called from 13800138000"
PERSONAL = (NAMES["phone"], NAMES["email"], NAMES["external_id"])


def acts(house: Opened) -> list[Route]:
    """Return the operations by which operators change something."""
    return [
        r
        for r in house.routes
        if r.method != "GET" and r.operation.allow.operators and r.operation.needs != "reading"
    ]


def reads(house: Opened) -> list[Route]:
    """Return the operations by which operators read something."""
    return [r for r in house.routes if r.operation.allow.operators and r.operation.needs == "reading"]


async def rows(house: Opened, request_id: str) -> list[Any]:
    async with house.database.read() as read:
        return list(await read.all(select(audit).where(audit.c.request_id == request_id)))


async def test_every_operation_that_changes_something_has_a_transaction_for_its_row(house: Opened) -> None:
    assert [route.operation.id for route in acts(house) if route.operation.needs != "transaction"] == []


async def test_every_act_of_an_operator_leaves_one_row(house: Opened) -> None:
    done = set()
    for route in acts(house):
        ids = {
            name: house.of_owner.get(name, new_id("sad"))
            for name in named_in_path(route)
            if name not in ("kind", "coupon")
        }
        answer = await ask(house, route, ids, subject=ADMIN)
        found = await rows(house, answer.headers["request-id"])
        code = "done" if answer.is_success else answer.json()["code"]
        declared = {error.code for error in route.operation.errors}
        if code != "done" and code not in declared:
            assert found == [], (route.operation.id, answer.text)
            continue
        done.add(route.operation.id)
        (row,) = found
        assert (row.kind, row.operation, row.outcome, row.roles) == ("act", route.operation.id, code, "admin")
        assert house.vault.reveal(row.operator) == "ana"
        assert set(ids.values()) <= set(row.objects)
        if answer.is_success and re.search('"customer(_id)?":', answer.text):
            assert row.customer_id is not None, route.operation.id
    assert done >= {route.operation.id for route in acts(house) if "{kind}" not in route.path_format} - {
        "pass_stopped_partition"
    }


async def test_a_role_that_is_refused_an_act_leaves_a_row(house: Opened) -> None:
    for route in acts(house):
        viewer = tokens.operator("viewer", name="li.lei")
        ids = {name: house.of_owner.get(name, new_id("sad")) for name in named_in_path(route)}
        answer = await ask(house, route, ids, subject=viewer)
        assert answer.status_code == 403
        (row,) = await rows(house, answer.headers["request-id"])
        assert (row.outcome, row.operation, row.reason) == ("forbidden", route.operation.id, None)
        if ids.keys() & {"customer_id", "complaint_id", "approval_id"}:
            assert row.customer_id == house.owner, route.operation.id


async def test_partners_and_customers_leave_no_rows(house: Opened) -> None:
    for route in house.routes:
        for subject in (house.with_every_scope("mart"), tokens.customer(house.owner)):
            ids = {name: house.of_owner.get(name, new_id("sad")) for name in named_in_path(route)}
            answer = await ask(house, route, ids, subject=subject)
            assert await rows(house, answer.headers["request-id"]) == []


async def test_a_repeat_leaves_no_second_row(house: Opened) -> None:
    for route in acts(house):
        if route.operation.idempotency is None or named_in_path(route):
            continue
        async with house.client(ADMIN) as client:
            sent = sent_as(house, route)
            path = f"{route.path_format}{query_of(house, route)}"
            answers = [await client.post(path, **sent) for _ in range(2)]
        if answers[0].is_success:
            assert answers[1].headers["Idempotency-Hit"] == "true"
            assert len(await rows(house, answers[0].headers["request-id"])) == 1
            assert await rows(house, answers[1].headers["request-id"]) == []


async def test_viewers_and_analysts_see_no_person_and_others_leave_a_row_when_they_do(house: Opened) -> None:
    seen = set()
    for route in reads(house):
        ids = {name: house.of_owner[name] for name in named_in_path(route) if name in house.of_owner}
        content = {"phone": NAMES["phone"]} if route.operation.id == "look_up_customer" else None
        for role in sorted(route.operation.allow.operators):
            answer = await ask(house, route, ids, subject=tokens.operator(role), content=content)
            shown = [word for word in PERSONAL if json.dumps(word) in answer.text]
            found = await rows(house, answer.headers["request-id"])
            if role in ("viewer", "analyst"):
                assert (shown, found) == ([], []), (route.operation.id, role)
            elif shown:
                seen.add(route.operation.id)
                (row,) = found
                assert (row.kind, row.outcome, row.roles) == ("read", "done", role)
                assert house.of_owner["customer_id"] in (*row.objects, row.customer_id)
    assert seen == (
        {"get_customer", "list_customers", "look_up_customer"} if house.service.name == "profile" else set()
    )


async def test_a_partner_and_a_customer_see_their_own_as_it_is(house: Opened) -> None:
    if house.service.name != "profile":
        return
    (route,) = [route for route in house.routes if route.operation.id == "get_customer"]
    for subject, ids in (
        (house.with_every_scope("mart"), house.of_partner),
        (tokens.customer(house.owner), house.of_owner),
    ):
        answer = await ask(house, route, {"customer_id": ids["customer_id"]}, subject=subject)
        assert all(word in answer.text for word in PERSONAL)


async def test_the_reason_of_an_act_is_sealed_and_goes_with_the_customer(house: Opened) -> None:
    with_reasons = []
    for route in acts(house):
        content = example_body(house, route)
        reasons = isinstance(content, dict) and house.service.name in ("loyalty", "feedback")
        if not reasons or "reason" not in content or "customer_id" not in house.of_owner:
            continue
        ids = {name: house.of_owner[name] for name in named_in_path(route)}
        if "approval_id" in ids:
            ids["approval_id"] = await house.propose()
        content = content | {"reason": REASON} | ({"points": 5} if "points" in content else {})
        answer = await ask(house, route, ids, subject=ADMIN, content=content)
        assert answer.is_success, answer.text
        with_reasons.append(answer.headers["request-id"])
    if not with_reasons:
        assert house.service.name in ("profile", "scoring")
        return
    before = await listed(house)
    assert {before[request_id]["reason"] for request_id in with_reasons} == {REASON}
    assert all(REASON.encode() not in (row.reason or b"") for row in await rows(house, with_reasons[0]))

    await house.tell(facts.erased(house.owner, NOW))

    after = await listed(house)
    assert {after[request_id]["reason"] for request_id in with_reasons} == {None}
    assert [after[request_id]["objects"] for request_id in with_reasons] == [
        before[request_id]["objects"] for request_id in with_reasons
    ]


async def listed(house: Opened) -> dict[str, dict[str, Any]]:
    """Return the rows of the owner by their requests, as a manager reads them."""
    async with house.client(tokens.operator("manager")) as client:
        answer = await client.get("/v1/audit", params={"customer_id": house.owner})
    return {item["request_id"]: item for item in answer.json()["items"]}


async def test_what_cannot_be_written_down_is_not_done_and_not_shown(tmp_path: Path) -> None:
    async with opened("profile", tmp_path) as house:
        async with house.database.begin() as tx:
            await tx.execute(text("ALTER TABLE audit RENAME TO away"))
        path, agent = f"/v1/customers/{house.of_owner['customer_id']}", tokens.operator("agent")
        async with house.client(agent) as client:
            seen = await client.get(path)
            done = await client.post("/v1/customers", json={"external_id": "C-9"})
        async with house.client(tokens.operator("viewer")) as client:
            masked = await client.get(path)

        assert (seen.status_code, done.status_code, masked.status_code) == (500, 500, 200)
        assert NAMES["phone"] not in seen.text
        async with house.client(house.with_every_scope("mart")) as client:
            assert (await client.post("/v1/customers:lookup", json={"external_id": "C-9"})).status_code == 404
        async with house.client(tokens.operator("viewer")) as client:
            assert (await client.post("/v1/customers:lookup", json={"external_id": "C-9"})).status_code == 404
