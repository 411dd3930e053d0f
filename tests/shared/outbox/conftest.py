"""What the tests of the outbox share: the lease of its one relay."""

from pathlib import Path

import pytest

from shared.outbox.lease import FileLease


@pytest.fixture
def lease(tmp_path: Path) -> FileLease:
    made = FileLease(tmp_path / "test.lease")
    assert made.try_acquire()
    return made
