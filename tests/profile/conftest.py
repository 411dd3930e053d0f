"""A profile service on each database: its tables migrated, its vault made, its app in process."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from shared.clock import ManualClock
from shared.db import Database
from shared.vault import Vault
from tests.parts import databases
from tests.parts.databases import KINDS, Kind

NOW = datetime(2026, 3, 10, 12, tzinfo=UTC)


@pytest.fixture
def clock() -> ManualClock:
    """A clock that stands at noon of 10 March 2026."""
    return ManualClock(NOW)


@pytest.fixture(params=KINDS)
async def db(request: pytest.FixtureRequest, tmp_path: Path, clock: ManualClock) -> AsyncIterator[Database]:
    """Profile's own database, migrated and empty, on each kind."""
    kind: Kind = request.param
    async with databases.fresh(kind, "profile", folder=tmp_path, clock=clock) as database:
        yield database


@pytest.fixture(scope="session")
def vault() -> Vault:
    """A vault with keys that are known to the tests."""
    return Vault("profile", {1: b"1" * 32}, b"r" * 32)
