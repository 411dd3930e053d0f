"""A fresh ledger a test, on both databases."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from shared.clock import ManualClock
from shared.vault import open_vault
from tests.loyalty.shop import Shop
from tests.parts import databases

START = datetime(2026, 3, 1, 9, tzinfo=UTC)


@pytest.fixture(params=databases.KINDS)
def kind(request: pytest.FixtureRequest) -> databases.Kind:
    """Which database."""
    found: databases.Kind = request.param
    return found


@pytest.fixture
async def shop(kind: databases.Kind, tmp_path: Path) -> AsyncIterator[Shop]:
    """The service's event edge and use cases over a fresh database."""
    clock = ManualClock(START)
    async with databases.fresh(kind, "loyalty", folder=tmp_path, clock=clock) as database:
        opened = Shop(database, open_vault(tmp_path, "loyalty"), clock, tmp_path)
        yield opened
        await opened.runtime.bus.close()
