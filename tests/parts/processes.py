"""Servers as child processes that never outlive the run, and never write into its output."""

import ctypes
import os
import pwd
import random
import shutil
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Protocol

PR_SET_PDEATHSIG = 1
APT_SECONDS_MAX = 600
SAID_SECONDS_MAX = 30
SHOWN_CHARACTERS_MAX = 4000
POLL_SECONDS = 0.05
FROZEN_SECONDS_MAX = 10
FROZEN_POLL_SECONDS = 0.001
PORT_FIRST, PORT_LAST = 20_000, 32_000
"""Below the ports that the system itself gives to outgoing connections."""
PORT_TRIES_MAX = 100


lasting_threads: set[threading.Thread] = {threading.main_thread()}
"""The threads that live as long as this process."""


class PartMissing(Exception):
    """This machine has no such part, such as Kafka. The text says what was tried."""


class Process(Protocol):
    """What a server needs of its process, as `subprocess.Popen` has it."""

    pid: int

    @property
    def returncode(self) -> int | None: ...

    def poll(self) -> int | None: ...

    def wait(self, timeout: float | None = None) -> int: ...

    def send_signal(self, number: signal.Signals, /) -> None: ...

    def terminate(self) -> None: ...

    def kill(self) -> None: ...


class Server:
    """One server process that can be started again on the same data and ports, stopped, killed and frozen.

    Start it from a thread that lasts: the kernel sends `dies_by` to it when the thread that started it ends.
    """

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        *,
        log: Path,
        user: str | None = None,
        dies_by: signal.Signals = signal.SIGKILL,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self.name = name
        self.command = list(command)
        self.log = log
        self._user = user
        self._environment = environment
        self._dies_by = dies_by
        self._process: Process | None = None

    @property
    def running(self) -> bool:
        """Return whether the process exists, frozen or not."""
        return self._process is not None and self._process.poll() is None

    @property
    def pid(self) -> int | None:
        """Return the process id while the process runs."""
        return self._process.pid if self._process is not None and self.running else None

    @property
    def exit_code(self) -> int | None:
        """Return the exit code, which is -9 after SIGKILL. It is None while the process runs, and before its first start."""
        return self._process.poll() if self._process is not None else None

    def start(self) -> None:
        """Start the process without a terminal, with all output appended to `log`. Nothing happens if it runs."""
        if self.running:
            return
        assert threading.current_thread() in lasting_threads, "a server dies with the thread that starts it"
        self._process = self._begin()

    def _begin(self) -> Process:
        parent = os.getpid()
        with self.log.open("ab") as output:
            return subprocess.Popen(
                self.command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
                preexec_fn=lambda: die_with(parent, by=self._dies_by),  # noqa: PLW1509 one prctl, and it is safe where no other thread forks
                user=self._user,
                group=pwd.getpwnam(self._user).pw_gid if self._user else None,
                extra_groups=[] if self._user else None,
                cwd=self.log.parent,
                env=self._environment,
            )

    def end(self, by: signal.Signals, *, seconds_max: float) -> None:
        """Send a signal that ends the process, and wait. After the time limit send SIGKILL."""
        if self._process is None or not self.running:
            return
        self.signal(signal.SIGCONT)
        self.signal(by)
        try:
            self._process.wait(seconds_max)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def signal(self, number: signal.Signals) -> None:
        """Send a signal without waiting. Nothing happens if the process does not run."""
        if self._process is not None and self.running:
            self._process.send_signal(number)

    def freeze(self) -> None:
        """Stop the process where it is: it keeps its connections and answers nothing."""
        assert self.pid is not None
        freeze(self.pid)

    def cont(self) -> None:
        """Send SIGCONT after `freeze`."""
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)

    def wait_until(self, ready: Callable[[], bool], *, seconds_max: float) -> None:
        """Return when `ready()` is true. Raises PartMissing, with the end of the log, if the process ended or took too long."""
        deadline = time.monotonic() + seconds_max
        while not ready():
            if not self.running or time.monotonic() > deadline:
                why = f"did not answer within {seconds_max:.0f} s" if self.running else "ended at its start"
                raise PartMissing(f"{self.name} {why}; the end of {self.log}:\n{self.log_end()}")
            time.sleep(POLL_SECONDS)

    def log_end(self, lines: int = 20) -> str:
        """Return the last lines of the log."""
        return (
            "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:]) if self.log.exists() else ""
        )


def freeze(pid: int) -> None:
    """Send SIGSTOP to a process, and wait until none of its threads runs, which takes them a moment.

    Raises TimeoutError.
    """
    os.kill(pid, signal.SIGSTOP)
    deadline = time.monotonic() + FROZEN_SECONDS_MAX
    while not all(_state(file) == "T" for file in Path(f"/proc/{pid}/task").glob("*/stat")):
        if time.monotonic() > deadline:
            raise TimeoutError(f"process {pid} runs on after SIGSTOP")
        time.sleep(FROZEN_POLL_SECONDS)


def _state(file: Path) -> str:
    """Return the letter of a thread's state: T, it is stopped; also if the thread has just ended."""
    with suppress(FileNotFoundError, ProcessLookupError):
        return file.read_text().rpartition(")")[2].split()[0]
    return "T"


def free_ports(count: int) -> list[int]:
    """Return ports on 127.0.0.1 on which nothing listens at this moment."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [listener.getsockname()[1] for listener in sockets]
    for listener in sockets:
        listener.close()
    return ports


def free_port_base(count: int) -> int:
    """Return the first of `count` ports in a row on 127.0.0.1 on which nothing listens at this moment."""
    for base in random.SystemRandom().sample(range(PORT_FIRST, PORT_LAST - count), PORT_TRIES_MAX):
        try:
            taken = [socket.create_server(("127.0.0.1", base + offset)) for offset in range(count)]
        except OSError:
            continue
        for listener in taken:
            listener.close()
        return base
    raise PartMissing(f"no {count} free ports in a row were found")


def required() -> bool:
    """Return whether this run, as CI, must use the real parts instead of stand-ins."""
    return os.environ.get("CI", "").lower() in {"1", "true", "yes"}


def apt_install(*packages: str) -> bool:
    """Install Debian packages if this process is allowed to, and return whether they are there now."""
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        return False
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for command in (
        ["apt-get", "update", "-q"],
        ["apt-get", "install", "-y", "-q", "--no-install-recommends", *packages],
    ):
        done = subprocess.run(
            command,
            env=environment,
            capture_output=True,
            stdin=subprocess.DEVNULL,
            timeout=APT_SECONDS_MAX,
            check=False,
        )
    return done.returncode == 0


def said(
    command: Sequence[str],
    *,
    cwd: Path | None = None,
    environment: Mapping[str, str] | None = None,
    seconds_max: float = SAID_SECONDS_MAX,
) -> str:
    """Return the output of a command that runs with `environment`. Raises PartMissing, with the end of its output, if it fails."""
    shown = " ".join(command[:6])
    try:
        done = subprocess.run(
            command,
            cwd=cwd,
            env=environment,
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
            timeout=seconds_max,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise PartMissing(f"{shown} …: {error}") from error
    if done.returncode != 0:
        words = (done.stdout + done.stderr)[-SHOWN_CHARACTERS_MAX:]
        raise PartMissing(f"{shown} … ended with {done.returncode}:\n{words}")
    return done.stdout


def die_with(parent: int, *, by: signal.Signals) -> None:
    """Let the kernel send a signal to this process, a child of `parent`, when its parent ends."""
    _prctl(PR_SET_PDEATHSIG, int(by))
    if os.getppid() != parent:
        os._exit(1)


def _prctl(option: int, argument: int) -> None:
    ctypes.CDLL(None, use_errno=True).prctl(option, argument)
