"""Processes of the product that are forked from one process that has imported it already.

A run starts hundreds of processes, and to import the product takes longer than most of them live. Each is still a process of
its own, with its own environment, files and signals. What a fresh interpreter does at its start is not tested this way:
benchmarks and long chaos rounds start real ones.
"""

import multiprocessing
import os
import runpy
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.parts.processes import Process, Server, die_with

NOWHERE = Path(os.devnull)
PRELOADED = (
    "pytest",
    "huitou.embedded",
    "huitou.__main__",
    "huitou.demo.loading",
    "shared.run.command",
    __name__,
)
"""The modules that the forking process imports: the program that started the run, and what the processes import late."""

in_use = False
"""Whether this run forks its processes."""

_forking = multiprocessing.get_context("forkserver")
_forking.set_forkserver_preload(list(PRELOADED))


@dataclass(frozen=True)
class Start:
    """What a process is started with: `python -m module arguments`, its environment and its files."""

    module: str
    arguments: Sequence[str]
    environment: Mapping[str, str]
    stdin: Path = NOWHERE
    out: Path = NOWHERE
    err: Path = NOWHERE
    folder: Path | None = None
    """Its working directory."""


class Fork:
    """A forked process, with the methods and attributes of `subprocess.Popen` that tests use."""

    def __init__(self, start: Start) -> None:
        self.args = [start.module, *start.arguments]
        self._process = _forking.Process(target=_become, args=(start,), daemon=True)
        self._process.start()
        assert self._process.pid is not None
        self.pid = self._process.pid

    @property
    def returncode(self) -> int | None:
        """The exit code, negative for a signal; None while it runs."""
        return self._process.exitcode

    def poll(self) -> int | None:
        return self._process.exitcode

    def wait(self, timeout: float | None = None) -> int:
        """Wait until it has ended. Raises subprocess.TimeoutExpired."""
        self._process.join(timeout)
        if self._process.exitcode is None:
            raise subprocess.TimeoutExpired(self.args, timeout or 0)
        return self._process.exitcode

    def send_signal(self, number: signal.Signals) -> None:
        if self._process.exitcode is None:
            os.kill(self.pid, number)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)


class ProductServer(Server):
    """A server process of the product."""

    def __init__(self, name: str, start: Start) -> None:
        super().__init__(name, [start.module, *start.arguments], log=start.out)
        self._start = start

    def _begin(self) -> Process:
        return begin(self._start)


def begin(start: Start) -> Process:
    """Start a process of the product: a fork, or a fresh interpreter in a run that measures. It dies with this process."""
    if in_use:
        return Fork(start)
    parent = os.getpid()
    with start.stdin.open("rb") as stdin, start.out.open("ab") as out, start.err.open("ab") as err:
        return subprocess.Popen(
            [sys.executable, "-m", start.module, *start.arguments],
            stdin=stdin,
            stdout=out,
            stderr=err,
            start_new_session=True,
            preexec_fn=lambda: die_with(parent, by=signal.SIGKILL),  # noqa: PLW1509 one prctl, see Server
            cwd=start.folder,
            env=dict(start.environment),
        )


def _become(start: Start) -> None:
    """Turn the forked process into the one that was asked for."""
    os.setsid()
    die_with(os.getppid(), by=signal.SIGKILL)
    os.environ.clear()
    os.environ.update(start.environment)
    if start.folder is not None:
        os.chdir(start.folder)
    for number, path in enumerate((start.stdin, start.out, start.err)):
        opened = os.open(path, os.O_RDONLY if number == 0 else os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        os.dup2(opened, number)
        os.close(opened)
    sys.stdin, sys.stdout = open(0, closefd=False), open(1, "w", closefd=False)  # noqa: SIM115 they last as long as it
    sys.stderr = open(2, "w", errors="backslashreplace", closefd=False, buffering=1)  # noqa: SIM115
    sys.argv = [start.module, *start.arguments]
    for name in (start.module, f"{start.module}.__main__"):
        sys.modules.pop(name, None)  # runpy warns of a module that is imported before it is run
    runpy.run_module(start.module, run_name="__main__", alter_sys=True)
