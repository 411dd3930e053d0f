from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.parts.databases import Kind
from tests.parts.till import Till, open_till


@pytest.fixture
async def till(kind: Kind, tmp_path: Path) -> AsyncIterator[Till]:
    """A till on each database."""
    async with open_till(tmp_path, kind) as opened:
        yield opened


@pytest.fixture
async def one_till(tmp_path: Path) -> AsyncIterator[Till]:
    """A till on SQLite: for what no database has a part in."""
    async with open_till(tmp_path, "sqlite") as opened:
        yield opened
