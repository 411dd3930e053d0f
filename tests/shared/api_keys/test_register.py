"""The copies of the register: whatever order events come in, and however often, the same keys are in force."""

import random
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select

from shared import api_keys
from shared.api_keys import ApiKeyRecord, api_key, register
from shared.auth.api_key import digest
from shared.db import Database, columns_of
from shared.events.base import Cause
from shared.events.profile import ApiKeyChanged
from shared.ids import new_id
from shared.vault import Vault
from tests.parts.contexts import context_of

NOW = datetime(2026, 3, 10, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def told(key_id: str, version: int = 0, **more: Any) -> ApiKeyChanged:
    """Return the event of a key in this version."""
    fields: dict[str, Any] = {
        "occurred_at": NOW, "cause": Cause(kind="api_key", id=f"{key_id}:{version}"), "key_id": key_id,
        "record_version": version, "partner_id": "mart", "label": "tills", "key_hash": digest(key_id).hex(),
        "scopes": ("customers:read",), "created_at": NOW, "revoked_at": NOW if version else None,
    }  # fmt: skip
    return ApiKeyChanged.model_validate(fields | more)


async def apply(database: Database, vault: Vault, *events: ApiKeyChanged) -> None:
    async with database.begin() as tx:
        await api_keys.api_keys_changed(tx, context_of(vault), events)


async def stored(database: Database) -> list[ApiKeyRecord]:
    async with database.read() as read:
        rows = select(*columns_of(api_key, ApiKeyRecord)).order_by(api_key.c.id)
        return list(await read.read_records(ApiKeyRecord, rows))


async def in_force(database: Database, now: datetime = NOW) -> set[str]:
    async with database.read() as read:
        return {record.id for record in await register.keys_in_force(read, now)}


async def test_shuffled_and_repeated_events_end_with_the_same_register(
    database: Database, vault: Vault, seeded: random.Random
) -> None:
    ids = sorted(new_id("key") for _ in range(6))
    history = [told(key_id, version) for key_id in ids for version in range(2)][:-1]
    await apply(database, vault, *history)
    in_order = await stored(database)
    assert await in_force(database) == {ids[-1]}

    again = history * 3
    seeded.shuffle(again)
    for event in again:
        await apply(database, vault, event)
    await apply(database, vault, *again)

    assert await stored(database) == in_order


async def test_a_key_whose_end_comes_before_its_beginning_stays_revoked(
    database: Database, vault: Vault
) -> None:
    key_id = new_id("key")
    await apply(database, vault, told(key_id, 1))
    await apply(database, vault, told(key_id, 0))

    assert await in_force(database) == set()


async def test_a_key_is_in_force_until_it_expires(database: Database, vault: Vault) -> None:
    key_id = new_id("key")
    await apply(database, vault, told(key_id, expires_at=NOW + MINUTE))

    assert await in_force(database) == {key_id}
    assert await in_force(database, NOW + MINUTE) == set()


async def test_the_last_use_only_grows_and_no_event_takes_it_away(database: Database, vault: Vault) -> None:
    key_id = new_id("key")
    await apply(database, vault, told(key_id))
    for minute in (NOW, NOW + MINUTE, NOW - MINUTE):
        async with database.begin() as tx:
            await register.note_use(tx, key_id, minute)
    await apply(database, vault, told(key_id, 1))

    (record,) = await stored(database)
    assert (record.last_used_at, record.revoked_at) == (NOW + MINUTE, NOW)


@pytest.mark.parametrize("field", ["key_hash", "scopes", "label", "partner_id"])
def test_an_event_takes_no_key_in_plain_and_no_address(field: str) -> None:
    with pytest.raises(ValueError, match=field):
        told(new_id("key"), 0, **{field: "ana@example.com"})
