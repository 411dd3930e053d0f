"""Every service with something in it, one after the other."""

from collections.abc import AsyncIterator
from itertools import product
from pathlib import Path

import pytest

from tests.contract.http.opened import SERVICES, Opened, opened
from tests.parts import databases


@pytest.fixture(params=SERVICES)
async def house(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Opened]:
    """Each of the four services on SQLite."""
    async with opened(request.param, tmp_path) as each:
        yield each


@pytest.fixture(params=list(product(SERVICES, databases.KINDS)), ids="-".join)
async def any_house(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Opened]:
    """Each of the four services on each database: for what a database may choke on."""
    name, kind = request.param
    async with opened(name, tmp_path, kind) as each:
        yield each
