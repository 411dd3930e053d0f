"""A profile service on each database."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.parts.databases import KINDS, Kind
from tests.profile.running import Profile, open_profile


@pytest.fixture(params=KINDS)
async def profile(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Profile]:
    """Profile, migrated and empty, on each kind of database."""
    kind: Kind = request.param
    async with open_profile(kind, tmp_path) as opened:
        yield opened


@pytest.fixture
async def one_profile(tmp_path: Path) -> AsyncIterator[Profile]:
    """Profile on SQLite: for what no database has a part in."""
    async with open_profile("sqlite", tmp_path) as opened:
        yield opened
