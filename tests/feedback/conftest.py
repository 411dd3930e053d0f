"""A feedback service on each database."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.feedback.running import Feedback, open_feedback
from tests.parts import databases


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)])
def kind(request: pytest.FixtureRequest) -> databases.Kind:
    """Which database."""
    kind: databases.Kind = request.param
    return kind


@pytest.fixture
async def feedback(kind: databases.Kind, tmp_path: Path) -> AsyncIterator[Feedback]:
    """Feedback, migrated and empty."""
    async with open_feedback(kind, tmp_path) as opened:
        yield opened
