"""Workers of jobs, each a process of its own, which a test lets do chunks one by one and kills."""

import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from shared.files import parting
from shared.jobs import limits
from tests.parts.services import Running

WORKER = """
import asyncio, sys
from datetime import datetime
from pathlib import Path
from shared.clock import ManualClock
from shared.db import open_database
from shared.files import parting
from shared.jobs.working import do_chunk, take
from shared.outbox.writing import write_outbox
from tests.parts import services

async def main(name: str, url: str, home: str, now: str, rows_max: str) -> None:
    parting.BATCH_ROWS_MAX = int(rows_max)
    service, clock = services.service_with(name, Path(home)), ManualClock(datetime.fromisoformat(now))
    database = open_database(url, clock=clock, write_outbox=write_outbox(service.name))
    async with services.runtime_on(database, service, clock) as runtime:
        taken = await take(runtime, {kind.operation: kind for kind in service.job_kinds})
        while taken is not None:
            sys.stdin.readline()
            taken = await do_chunk(runtime, taken)
            print("chunk", flush=True)

asyncio.run(main(*sys.argv[1:]))
"""


@contextmanager
def worker(running: Running[Any]) -> Iterator[subprocess.Popen[str]]:  # a service of any settings
    """Another process that takes the job that waits, and does a chunk per word. It is killed at the end."""
    arguments = [
        *(running.service.name, running.database.url, str(running.home), running.clock.now().isoformat()),
        str(parting.BATCH_ROWS_MAX),
    ]
    with subprocess.Popen(
        [sys.executable, "-c", WORKER, *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            yield process
        finally:
            process.send_signal(signal.SIGKILL)


def let_do(process: subprocess.Popen[str], chunks: int) -> None:
    """Let a worker do so many chunks more."""
    assert process.stdin is not None
    process.stdin.write("chunk\n" * chunks)
    process.stdin.flush()


def wait_for(process: subprocess.Popen[str], chunks: int) -> None:
    """Return when a worker has done so many chunks more."""
    assert process.stdout is not None
    for _ in range(chunks):
        assert process.stdout.readline() == "chunk\n"


def kill_in_the_middle(running: Running[Any], chunks: int) -> None:
    """Let a worker do so many chunks, and kill it in the middle of the next one."""
    with worker(running) as process:
        let_do(process, chunks + 1)
        wait_for(process, chunks)
    running.clock.advance(limits.LEASE)
