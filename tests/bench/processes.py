"""Processes that a benchmark calls: started, waited for, ended."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx2

from tests.bench import measuring

START_SECONDS_MAX = 60
STOP_SECONDS_MAX = 30
LOOK_SECONDS = 0.01
CHECKOUT = Path(__file__).parents[2]


@dataclass(frozen=True, slots=True)
class Running:
    """A process that answers."""

    pid: int
    log: Path
    seconds_to_start: float
    """Until every address was ready, without the time it waited for a core."""


@contextmanager
def running(
    command: Sequence[str], environment: Mapping[str, str], ready: Sequence[str], log: Path
) -> Iterator[Running]:
    """Run Python with these arguments until the block ends; it begins once every address of `ready` answers."""
    began = time.monotonic()
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, *command],
            env={**os.environ, **environment},
            cwd=CHECKOUT,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
        )
    try:
        _wait(process, ready, log, began)
        yield Running(process.pid, log, time.monotonic() - began - measuring.waited(process.pid))
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(STOP_SECONDS_MAX)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait(process: subprocess.Popen[bytes], ready: Sequence[str], log: Path, began: float) -> None:
    with httpx2.Client(timeout=5.0) as client:
        for address in ready:
            while not _answers(client, address):
                ended = process.poll() is not None or time.monotonic() - began > START_SECONDS_MAX
                assert not ended, f"{address} does not answer:\n{log.read_text(errors='replace')[-4000:]}"
                time.sleep(LOOK_SECONDS)


def _answers(client: httpx2.Client, address: str) -> bool:
    try:
        return client.get(f"{address}/health/ready").is_success
    except httpx2.TransportError:
        return False
