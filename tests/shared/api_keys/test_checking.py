"""The check of API keys in one process: bounded statements, bounded memory, and closed while the database is away."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, event, update

from shared import api_keys
from shared.api_keys import SECONDS_FRESH, ApiKeyRecord, ApiKeys, api_key
from shared.auth.api_key import digest, new_key
from shared.auth.errors import ApiKeyMalformed, ApiKeyUnknown, KeysUnavailable
from shared.clock import ManualClock
from shared.context import Runtime
from shared.db import Database, open_database
from shared.ids import new_id
from shared.vault import Vault

NOW = datetime(2026, 3, 10, 12, 0, 30, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
TRIES = 2_000
AWAY = "postgresql://shop@127.0.0.1:1/none"
"""A database that nobody serves."""


class Checked:
    """The check of a process, a clock for expiries, and the seconds by which a reading ages."""

    def __init__(self, database: Database, vault: Vault) -> None:
        self.seconds = 100.0
        self.database = database
        self.clock = database.clock = ManualClock(NOW)
        runtime: Runtime[Any] = Runtime(None, database, None, vault, None, self.clock)  # type: ignore[arg-type]
        self.keys = ApiKeys(runtime, lambda: self.seconds)

    async def add(self, **more: Any) -> tuple[str, str]:
        """Add a key, and return its id and the key."""
        key, key_id = new_key(), new_id("key")
        fields: dict[str, Any] = {
            "partner_id": "mart", "label": "tills", "scopes": ("customers:read",), "created_at": NOW,
            "expires_at": None, "revoked_at": None, "record_version": 0,
        }  # fmt: skip
        async with self.database.begin() as tx:
            await api_keys.insert(tx, ApiKeyRecord(id=key_id, key_hash=digest(key), **(fields | more)))
        return key_id, key

    async def used_at(self, key_id: str) -> datetime | None:
        """Return the minute of the last use that is stored."""
        async with self.database.read() as read:
            record = await api_keys.find(read, key_id)
        assert record is not None
        return record.last_used_at


@pytest.fixture
def checked(database: Database, vault: Vault) -> Checked:
    """The check of a process on each database."""
    return Checked(database, vault)


@contextmanager
def counted() -> Iterator[list[str]]:
    """Collect every statement that is run."""
    statements: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        statements.append(statement)

    event.listen(Engine, "before_cursor_execute", note)
    try:
        yield statements
    finally:
        event.remove(Engine, "before_cursor_execute", note)


async def test_a_key_speaks_for_its_partner_with_its_scopes(checked: Checked) -> None:
    _, key = await checked.add(scopes=("customers:read", "points:redeem"))

    principal = await checked.keys.principal(key)

    assert (principal.kind, principal.id) == ("partner", "mart")
    assert principal.scopes == {"customers:read", "points:redeem"}


async def test_two_thousand_random_keys_run_one_statement_and_are_not_remembered(checked: Checked) -> None:
    _, key = await checked.add()
    await checked.keys.principal(key)
    checked.seconds += SECONDS_FRESH
    with counted() as statements:
        for _ in range(TRIES):
            with pytest.raises(ApiKeyUnknown):
                await checked.keys.principal(new_key())
    assert checked.keys._snapshot.keys is not None
    assert len(checked.keys._snapshot.keys) == 1
    assert len([text for text in statements if "api_key" in text]) == 1


async def test_a_mistyped_key_is_told_without_a_statement(checked: Checked) -> None:
    with counted() as statements, pytest.raises(ApiKeyMalformed):
        await checked.keys.principal("huk_live_" + "0" * 38)
    assert statements == []


async def test_a_revoked_key_is_refused_as_soon_as_the_reading_has_aged(checked: Checked) -> None:
    key_id, key = await checked.add()
    await checked.keys.principal(key)
    async with checked.database.begin() as tx:
        await tx.execute(update(api_key).where(api_key.c.id == key_id).values(revoked_at=NOW))

    checked.seconds += SECONDS_FRESH

    with pytest.raises(ApiKeyUnknown):
        await checked.keys.principal(key)


async def test_a_key_expires_between_two_readings(checked: Checked) -> None:
    _, key = await checked.add(expires_at=NOW + MINUTE)
    await checked.keys.principal(key)

    checked.clock.advance(MINUTE)

    with pytest.raises(ApiKeyUnknown):
        await checked.keys.principal(key)


async def test_many_requests_at_once_share_one_reading(checked: Checked) -> None:
    _, key = await checked.add()
    with counted() as statements:
        await asyncio.gather(*(checked.keys.principal(key) for _ in range(50)))
    assert len([text for text in statements if "FROM api_key" in text]) == 1


async def test_the_use_of_a_key_is_stored_once_a_minute(checked: Checked) -> None:
    key_id, key = await checked.add()
    with counted() as statements:
        for _ in range(50):
            await checked.keys.principal(key)
    assert len([text for text in statements if text.startswith("UPDATE")]) == 1
    assert await checked.used_at(key_id) == NOW, "the key was made within that minute"

    checked.clock.advance(MINUTE)
    await checked.keys.principal(key)

    assert await checked.used_at(key_id) == NOW.replace(second=0) + MINUTE


async def test_no_key_is_accepted_while_the_database_is_away(vault: Vault) -> None:
    database = open_database(AWAY)
    checked = Checked(database, vault)
    try:
        for _ in range(2):
            with pytest.raises(KeysUnavailable):
                await checked.keys.principal(new_key())
    finally:
        await database.close()
