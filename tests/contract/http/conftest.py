"""Every service with something in it, one after the other."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.parts.opened import SERVICES, Opened, opened


@pytest.fixture(params=SERVICES)
async def house(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Opened]:
    """Each of the four services on SQLite."""
    async with opened(request.param, tmp_path) as each:
        yield each
