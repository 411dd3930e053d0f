"""Scoring's tests run on both databases."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.parts import databases
from tests.scoring import running
from tests.scoring.running import Scoring


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)])
def kind(request: pytest.FixtureRequest) -> databases.Kind:
    """Which database."""
    kind: databases.Kind = request.param
    return kind


@pytest.fixture
async def scoring(kind: databases.Kind, tmp_path: Path) -> AsyncIterator[Scoring]:
    """A scoring service with nothing in it."""
    async with running.open_scoring(kind, tmp_path) as opened:
        yield opened
