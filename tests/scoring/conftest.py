"""A scoring service for each test, on the databases that its folder is tested on."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.parts.databases import Kind
from tests.scoring.running import Scoring, open_scoring


@pytest.fixture
async def scoring(kind: Kind, tmp_path: Path) -> AsyncIterator[Scoring]:
    """Scoring, migrated and empty."""
    async with open_scoring(kind, tmp_path) as opened:
        yield opened
