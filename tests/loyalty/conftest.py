"""A fresh ledger for each test, on the databases that its folder is tested on."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.loyalty.shop import Shop, open_shop
from tests.parts.databases import Kind


@pytest.fixture
async def shop(kind: Kind, tmp_path: Path) -> AsyncIterator[Shop]:
    """The service's event edge and use cases over an empty database."""
    async with open_shop(kind, tmp_path) as opened:
        yield opened
