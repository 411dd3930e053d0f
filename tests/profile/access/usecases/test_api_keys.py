"""Keys are created within their limits and revoked once, and each change is told once."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from services.profile.access.refusals import ExpiryInvalid, KeysInForce, PartnerKeysInForce
from services.profile.access.usecases.create_api_key import create_api_key
from services.profile.access.usecases.revoke_api_key import revoke_api_key
from shared import api_keys
from shared.api_keys import ApiKeyNotFound, ApiKeyRecord, api_key
from shared.auth.api_key import digest, new_key
from shared.events.profile import ApiKeyChanged
from shared.ids import new_id
from shared.limits import API_KEYS_MAX, API_KEYS_OF_PARTNER_MAX
from tests.profile.running import NOW, Profile


async def create(profile: Profile, partner: str = "mart", **more: Any) -> ApiKeyRecord:
    async with profile.database.begin() as tx:
        fields: dict[str, Any] = {"label": "tills", "scopes": {"customers:read"}, "expires_at": None} | more
        return await create_api_key(tx, new_key(), partner_id=partner, **fields)


async def revoke(profile: Profile, key_id: str) -> ApiKeyRecord:
    async with profile.database.begin() as tx:
        return await revoke_api_key(tx, key_id)


async def test_a_key_is_told_without_the_key_and_its_end_with_it(profile: Profile) -> None:
    key = new_key()
    async with profile.database.begin() as tx:
        made = await create_api_key(
            tx, key, partner_id="mart", label="tills", scopes={"b:c", "a:b"}, expires_at=None
        )
    revoked = await revoke(profile, made.id)

    created, ended = await profile.events_of(ApiKeyChanged)
    assert (created.key_hash, created.scopes, created.record_version) == (
        digest(key).hex(),
        ("a:b", "b:c"),
        0,
    )
    assert (ended.revoked_at, ended.record_version) == (revoked.revoked_at, 1)
    assert (created.key, created.partner_id) == ("partner:mart", "mart")
    assert all(key not in event.model_dump_json() for event in (created, ended))


async def test_a_key_is_revoked_once(profile: Profile) -> None:
    made = await create(profile)
    first = await revoke(profile, made.id)
    profile.clock.advance(timedelta(hours=1))

    assert await revoke(profile, made.id) == first
    assert len(await profile.events_of(ApiKeyChanged)) == 2
    with pytest.raises(ApiKeyNotFound):
        await revoke(profile, new_id("key"))


async def test_a_partner_changes_over_with_two_keys_and_never_has_three(profile: Profile) -> None:
    first, _ = await create(profile), await create(profile)
    with pytest.raises(PartnerKeysInForce):
        await create(profile)
    await create(profile, "other")

    await revoke(profile, first.id)
    await create(profile, expires_at=NOW + timedelta(minutes=1))
    with pytest.raises(PartnerKeysInForce):
        await create(profile)

    profile.clock.advance(timedelta(minutes=1))
    await create(profile)


async def test_two_requests_at_once_do_not_make_a_third_key(profile: Profile) -> None:
    made = await asyncio.gather(*(create(profile) for _ in range(6)), return_exceptions=True)

    assert sum(isinstance(outcome, ApiKeyRecord) for outcome in made) == API_KEYS_OF_PARTNER_MAX
    assert await profile.count(api_key) == API_KEYS_OF_PARTNER_MAX


async def test_all_partners_together_have_a_limit(profile: Profile) -> None:
    model = await create(profile)
    async with profile.database.begin() as tx:
        for number in range(API_KEYS_MAX - 1):
            await api_keys.insert(tx, record_like(model, f"p{number}"))
    with pytest.raises(KeysInForce):
        await create(profile, "late")
    async with profile.operator("admin") as client:
        late = {"partner_id": "late", "label": "tills", "scopes": ["customers:read"]}
        answer = await client.post("/v1/api-keys", json=late, headers=profile.key())
    assert (answer.status_code, answer.json()["code"]) == (409, "keys_in_force")


def record_like(model: ApiKeyRecord, partner_id: str) -> ApiKeyRecord:
    key_hash = digest(partner_id)
    return ApiKeyRecord(new_id("key"), partner_id, model.label, key_hash, model.scopes, NOW, None, None, 0)


@pytest.mark.parametrize("seconds", [-1, 0, 200 * 365 * 86_400])
async def test_a_key_ends_in_the_future_or_not_at_all(profile: Profile, seconds: int) -> None:
    with pytest.raises(ExpiryInvalid):
        await create(profile, expires_at=NOW + timedelta(seconds=seconds))
    async with profile.database.read() as read:
        assert await read.all(select(api_key.c.id)) == []


async def test_a_wrong_end_is_told_before_the_limits(profile: Profile) -> None:
    """The caller can mend the request at once. A key in force ends only when somebody revokes it."""
    await create(profile)
    await create(profile)
    with pytest.raises(ExpiryInvalid):
        await create(profile, expires_at=NOW)


async def test_each_partners_keys_in_force_are_counted(profile: Profile) -> None:
    first = await create(profile)
    await create(profile)
    await create(profile, "other", expires_at=NOW + timedelta(minutes=1))
    await revoke(profile, first.id)

    async with profile.database.read() as read:
        assert await api_keys.count_in_force(read, NOW) == {"mart": 1, "other": 1}
        assert await api_keys.count_in_force(read, NOW + timedelta(minutes=1)) == {"mart": 1}
