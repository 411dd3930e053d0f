"""The command `huitou`, run to its end."""

import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path

from tests.parts.forks import Start, begin


def run(
    *arguments: str, environment: Mapping[str, str], seconds_max: float, stdin: str = ""
) -> "subprocess.CompletedProcess[str]":
    """Run one command with `stdin` as what a person types. Raises subprocess.TimeoutExpired."""
    with tempfile.TemporaryDirectory() as name:
        typed, out, err = (Path(name) / stream for stream in ("in", "out", "err"))
        typed.write_text(stdin)
        command = begin(Start("huitou", arguments, environment, typed, out, err))
        try:
            code = command.wait(seconds_max)
        finally:
            command.kill()
        return subprocess.CompletedProcess(["huitou", *arguments], code, out.read_text(), err.read_text())
