"""The limits of connections, far away: each test moves its own near."""

import pytest

from shared.run import limited_http, serving
from tests.parts.connections import LONG_SECONDS


@pytest.fixture
def limits(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """All limits far away."""
    monkeypatch.setattr(serving, "KEEP_ALIVE_SECONDS", LONG_SECONDS)
    for name in ("HEAD_SECONDS_MAX", "BODY_SECONDS_MAX", "TAKE_SECONDS_MAX"):
        monkeypatch.setattr(limited_http, name, LONG_SECONDS)
    return monkeypatch
