"""A process that may open too few files says how many it needs, before it opens any."""

import random
import resource
import subprocess
import sys
from pathlib import Path

import pytest

from huitou.exits import Exit
from shared.run.open_files import OPEN_FILES_MIN
from tests.conftest import SEED
from tests.parts.installations import Installation
from tests.parts.sampling import sample

pytestmark = pytest.mark.slow

COMMANDS = [
    ["huitou", "up", "--no-demo"],
    ["huitou", "migrate"],
    ["huitou", "verify"],
    ["huitou", "accept-loss"],
    ["huitou", "backup", "copy"],
    ["services.profile", "all"],
    ["services.console", "serve"],
]
CASES = [(command, limit) for command in COMMANDS for limit in (13, OPEN_FILES_MIN - 1)]


@pytest.mark.parametrize(("command", "limit"), sample(random.Random(SEED), CASES, 3))
def test_the_limit_that_is_needed_is_named(command: list[str], limit: int, tmp_path: Path) -> None:
    said = subprocess.run(
        [sys.executable, "-m", *command],
        env=Installation(tmp_path / "home").environment, capture_output=True, text=True, timeout=120, check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit)),
    )  # fmt: skip

    assert said.returncode in (Exit.BAD_SETTING, 3)
    assert "Traceback" not in said.stderr
    assert f"ulimit -n {OPEN_FILES_MIN}" in said.stderr
