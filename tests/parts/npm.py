"""The tools of tests/npm: linters of OpenAPI documents and a generator of types. They run on Node.js."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.parts.processes import required

FOLDER = Path(__file__).parents[1] / "npm"
SECONDS_MAX = 100
QUIET = {"REDOCLY_TELEMETRY": "off", "REDOCLY_SUPPRESS_UPDATE_NOTICE": "true"}
"""Redocly asks nothing of other hosts."""


def run(tool: str, *arguments: str, cwd: Path = FOLDER) -> subprocess.CompletedProcess[str]:
    """Run a tool and return how it ended. Skips the test, with its reason, where there is no Node.js.

    Where Node.js is, CI must have the tools; elsewhere a machine without a registry may lack them.
    """
    program = FOLDER / "node_modules/.bin" / tool
    node = shutil.which("node")
    if node is None:
        pytest.skip("there is no Node.js")
    if not program.exists():
        assert not required(), "run: tests/install_parts.sh"
        pytest.skip("tests/npm is not installed; run: tests/install_parts.sh")
    return subprocess.run(
        [node, str(program), *arguments],
        cwd=cwd,
        env={**os.environ, **QUIET},
        capture_output=True,
        text=True,
        timeout=SECONDS_MAX,
        check=False,
    )
