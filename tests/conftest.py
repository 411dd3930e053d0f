"""What every test run shares: one seed, said in the header, and folders that imply their marker."""

import os
import random
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog
from hypothesis import HealthCheck, settings

SEED = int(os.environ.get("TEST_SEED", "0")) or random.SystemRandom().randrange(1, 2**31)

SHORT = ("test_short_round.py", "test_judging.py")
"""Those below tests/chaos that every run has time for."""

settings.register_profile(
    "huitou",
    deadline=None,  # two cores and a database make a slow example, not a wrong one
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
settings.load_profile("huitou")


def pytest_report_header() -> str:
    """Say the seed, so that a failing run can be run again: TEST_SEED=… make test."""
    return f"seed: {SEED}"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A test below tests/bench, tests/chaos or tests/compose is one, even unsaid; the short rounds are for every run."""
    folder = Path(__file__).parent
    for item in items:
        room = item.path.relative_to(folder).parts[0]
        if room in ("bench", "chaos", "compose") and item.path.name not in SHORT:
            item.add_marker(room)


@pytest.fixture(autouse=True)
def log_as_before() -> Iterator[None]:
    """A log that a test configures ends with it: what it was written to may be closed by then."""
    before = structlog.get_config()
    yield
    structlog.configure(**before)


@pytest.fixture
def seeded(request: pytest.FixtureRequest) -> random.Random:
    """Random numbers of this test alone, the same again for the same TEST_SEED."""
    return random.Random(f"{SEED}:{request.node.nodeid}")
