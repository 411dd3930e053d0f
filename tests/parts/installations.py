"""The command `huitou` as a child process, with a home folder and ports of its own."""

import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from tests.parts import commands, stacks
from tests.parts.forks import NOWHERE, Start, begin
from tests.parts.processes import Process, free_port_base

PORTS = 5
READY_SECONDS_MAX = 300.0
STOP_SECONDS_MAX = 25.0


@dataclass
class Installation:
    """A home folder and ports, and the commands that run with them."""

    home: Path
    port_base: int = field(default_factory=lambda: free_port_base(PORTS))
    more: dict[str, str] = field(default_factory=dict)

    @property
    def environment(self) -> dict[str, str]:
        """The environment of every command."""
        return stacks.settings(self.home, self.port_base, self.more)

    def run(
        self, *arguments: str, seconds_max: float = 120.0, stdin: str = ""
    ) -> subprocess.CompletedProcess[str]:
        """Run one command to its end, with `stdin` as what a person types."""
        return commands.run(*arguments, environment=self.environment, seconds_max=seconds_max, stdin=stdin)

    def begin(self) -> Self:
        """Begin a home without starting the product, so that it is a home in which nothing runs."""
        self.home.mkdir()
        (self.home / "home.json").write_text('{"layout": 1, "currency": "USD"}')
        return self

    def started(self, *arguments: str, out: Path = NOWHERE, err: Path = NOWHERE) -> Process:
        """Start one command, and return while it runs."""
        return begin(Start("huitou", arguments, self.environment, out=out, err=err))

    @contextmanager
    def up(self, *arguments: str) -> Iterator["Up"]:
        """Run `huitou up` until the block ends; the block begins when it has printed that it runs."""
        with tempfile.TemporaryDirectory() as folder:
            out, err = Path(folder) / "out", Path(folder) / "err"
            out.touch()
            err.touch()
            process = self.started("up", *arguments, out=out, err=err)
            running = Up(process, out, err)
            try:
                running.wait()
                yield running
                assert running.stopped or process.poll() is None, f"it ended by itself: {running.complaint}"
            finally:
                running.stop()


@dataclass
class Up:
    """A running `huitou up`."""

    process: Process
    out: Path
    err: Path
    stopped: bool = False

    @property
    def complaint(self) -> str:
        """The end of what it wrote to standard error, and its exit code."""
        return f"exit {self.process.poll()}\n{self.err.read_text()[-4000:]}"

    @property
    def told(self) -> str:
        """What it has printed so far."""
        return self.out.read_text()

    def wait(self) -> None:
        """Return once it has printed what to try."""
        deadline = time.monotonic() + READY_SECONDS_MAX
        while "\nTry\n" not in self.told or not self.told.endswith("\n\n"):
            assert self.process.poll() is None, f"it ended: {self.complaint}"
            assert time.monotonic() < deadline, f"it takes too long: {self.complaint}"
            time.sleep(0.1)  # a child process says nothing that could be awaited

    def stop(self) -> int:
        """Send SIGTERM, wait until it has drained, and return its exit code."""
        self.stopped = True
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(STOP_SECONDS_MAX)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        return self.process.wait()


def tried(told: str) -> list[str]:
    """Return the commands of a banner, as printed."""
    return [line.strip() for line in told.splitlines() if line.strip().startswith("curl ")]


def has_curl() -> bool:
    """Return whether curl is installed."""
    return shutil.which("curl") is not None
