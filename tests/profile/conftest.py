"""A profile service for each test, on the databases that its folder is tested on."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.parts.databases import Kind
from tests.profile.running import Profile, open_profile


@pytest.fixture
async def profile(kind: Kind, tmp_path: Path) -> AsyncIterator[Profile]:
    """Profile, migrated and empty."""
    async with open_profile(kind, tmp_path) as opened:
        yield opened


@pytest.fixture
async def one_profile(tmp_path: Path) -> AsyncIterator[Profile]:
    """Profile on SQLite: for what no database has a part in."""
    async with open_profile("sqlite", tmp_path) as opened:
        yield opened
