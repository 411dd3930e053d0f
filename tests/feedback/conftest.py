"""A feedback service for each test, on the databases that its folder is tested on."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.feedback.running import Feedback, open_feedback
from tests.parts.databases import Kind


@pytest.fixture
async def feedback(kind: Kind, tmp_path: Path) -> AsyncIterator[Feedback]:
    """Feedback, migrated and empty."""
    async with open_feedback(kind, tmp_path) as opened:
        yield opened
