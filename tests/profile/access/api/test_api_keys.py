"""An admin creates, lists and revokes keys of partners. A key is shown once and lies nowhere in plain text."""

import base64
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from services.profile.main import service
from shared.audit import AuditRecord
from shared.audit.tables import audit
from shared.auth.api_key import is_well_formed
from shared.db import columns_of
from shared.http.idempotency import HIT_HEADER
from tests.profile.running import Profile

WANTED = {
    "partner_id": "mart",
    "label": "tills",
    "scopes": ["purchases:write", "customers:read", "customers:read"],
}


async def create(profile: Profile, **more: Any) -> dict[str, Any]:
    async with profile.operator("admin") as client:
        answer = await client.post("/v1/api-keys", json=WANTED | more, headers=profile.key())
    assert answer.status_code == 201, answer.text
    document: dict[str, Any] = answer.json()
    return document


async def test_a_key_is_shown_once_and_is_then_known_by_its_id(one_profile: Profile) -> None:
    created = await create(one_profile)
    async with one_profile.operator("admin") as client:
        shown = (await client.get(f"/v1/api-keys/{created['id']}")).json()
        listed = (await client.get("/v1/api-keys", params={"partner_id": "mart"})).json()["items"]
        others = (await client.get("/v1/api-keys", params={"partner_id": "else"})).json()["items"]

    assert is_well_formed(created.pop("key"))
    assert created == shown
    assert (listed, others) == ([shown], [])
    assert shown["scopes"] == ["customers:read", "purchases:write"]


async def test_a_scope_that_no_operation_asks_for_is_refused_with_the_scopes_that_there_are(
    one_profile: Profile,
) -> None:
    async with one_profile.operator("admin") as client:
        asked = WANTED | {"scopes": ["purchases:write", "purchases:delete"]}
        refused = await client.post("/v1/api-keys", json=asked, headers=one_profile.key())

    (error,) = refused.json()["errors"]
    assert (refused.status_code, error["pointer"], error["code"]) == (422, "/scopes/1", "not_allowed")
    assert "complaints:read, complaints:write, customers:read" in error["detail"]


async def test_a_key_was_not_used_before_it_was_made(one_profile: Profile) -> None:
    one_profile.clock.advance(timedelta(seconds=40))
    created = await create(one_profile)
    async with one_profile.client(None) as client:
        used = await client.get("/v1/purchases", headers={"Authorization": f"Bearer {created['key']}"})
    assert used.status_code == 403
    async with one_profile.operator("admin") as client:
        shown = (await client.get(f"/v1/api-keys/{created['id']}")).json()

    assert shown["last_used_at"] == shown["created_at"]


async def test_a_repeat_gets_the_same_key_and_no_table_has_it_in_plain_text(one_profile: Profile) -> None:
    headers = one_profile.key()
    async with one_profile.operator("admin") as client:
        first, again = [await client.post("/v1/api-keys", json=WANTED, headers=headers) for _ in range(2)]
    assert (again.headers[HIT_HEADER], again.json()) == ("true", first.json())
    key = first.json()["key"].encode()
    for stored in await everything(one_profile):
        for form in (key, key.hex().encode(), base64.b64encode(key)[:-4], key[9:41]):
            assert form not in stored


async def everything(profile: Profile) -> list[bytes]:
    """Every value of every table, as bytes."""
    values: list[bytes] = []
    async with profile.database.read() as read:
        for metadata in service(profile.settings).metadata:
            for table in metadata.tables.values():
                for row in await read.all(select(*table.columns)):
                    values += [value if isinstance(value, bytes) else str(value).encode() for value in row]
    return values


async def test_what_admins_do_to_keys_is_in_the_audit_trail(one_profile: Profile) -> None:
    created = await create(one_profile)
    async with one_profile.operator("admin") as client:
        for _ in range(2):
            revoked = await client.post(f"/v1/api-keys/{created['id']}/revoke")
            assert revoked.json()["revoked_at"] is not None
    async with one_profile.database.read() as read:
        rows = await read.read_records(
            AuditRecord, select(*columns_of(audit, AuditRecord)).order_by(audit.c.id)
        )
    assert [(row.operation, row.objects[0]) for row in rows] == [
        ("create_api_key", created["id"]), ("revoke_api_key", created["id"]), ("revoke_api_key", created["id"]),
    ]  # fmt: skip
    assert [change.after for row in rows for change in row.changes] == ["revoked"]


@pytest.mark.parametrize("role", ["viewer", "agent", "manager", "analyst"])
async def test_nobody_but_an_admin_sees_or_makes_keys(one_profile: Profile, role: Any) -> None:
    async with one_profile.operator(role) as client:
        answers = [
            await client.get("/v1/api-keys"),
            await client.get("/v1/api-keys/key_x"),
            await client.post("/v1/api-keys", json=WANTED, headers=one_profile.key()),
            await client.post("/v1/api-keys/key_x/revoke"),
        ]
    assert [answer.status_code for answer in answers] == [403] * 4


@pytest.mark.parametrize(
    ("change", "status", "code"),
    [
        ({"partner_id": "ana@example.com"}, 422, "invalid_request"),
        ({"partner_id": "13800138001"}, 422, "invalid_request"),
        ({"label": "Ana Li"}, 422, "invalid_request"),
        ({"label": "+8613800138001"}, 422, "invalid_request"),
        ({"scopes": []}, 422, "invalid_request"),
        ({"scopes": ["everything"]}, 422, "invalid_request"),
        ({"expires_at": "2020-01-01T00:00:00Z"}, 422, "expiry_invalid"),
    ],
)
async def test_a_key_that_cannot_be_is_refused(
    one_profile: Profile, change: dict[str, Any], status: int, code: str
) -> None:
    async with one_profile.operator("admin") as client:
        answer = await client.post("/v1/api-keys", json=WANTED | change, headers=one_profile.key())
    assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text


async def test_a_third_key_and_an_unknown_key_are_refused(one_profile: Profile) -> None:
    await create(one_profile)
    await create(one_profile)
    async with one_profile.operator("admin") as client:
        third = await client.post("/v1/api-keys", json=WANTED, headers=one_profile.key())
        unknown = await client.get("/v1/api-keys/key_x")

    assert (third.status_code, third.json()["code"]) == (409, "partner_keys_in_force")
    assert (unknown.status_code, unknown.json()["code"]) == (404, "api_key_not_found")
