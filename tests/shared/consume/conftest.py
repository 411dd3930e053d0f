"""A bus of the toy ledger's one topic."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from shared.bus import Bus, open_bus
from tests.shared.consume.running import PARTITIONS, TOPIC


@pytest.fixture
async def bus(tmp_path: Path) -> AsyncIterator[Bus]:
    opened = open_bus("embedded://", home=tmp_path / "bus")
    await opened.ensure_topics({TOPIC: PARTITIONS})
    yield opened
    await opened.close()
