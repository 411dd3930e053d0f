"""Run the periodic jobs of a service in the process that holds its lease."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy.dialects import postgresql, sqlite

from shared import logs
from shared.context import Context, Runtime
from shared.db import Database, Tx, failures
from shared.outbox import failing_jobs
from shared.outbox.lease import Lease
from shared.outbox.tables import job_state

BACKOFF_SECONDS_MAX = 60.0
SHARED_SECONDS_MAX = 45.0
"""The longest wait of a job for its share of the time. A minute without the running verification is worth an alarm."""

PAGES_MAX = 200
"""The largest number of pages in one run of a job. The next run continues."""

log = logs.named(__name__, keys=("job",))

Page = Callable[[Tx, Context[Any]], Awaitable[int]]
"""A function that does one page of the due work in the given transaction, and returns the number of its effects. The
number is 0 if nothing is left."""


@dataclass(frozen=True, slots=True)
class Job:
    """Periodic work of a service, which runs at an interval in the process that holds the service's lease."""

    name: str
    run: Callable[[Runtime[Any]], Awaitable[int]]
    """A function that does the work due now and returns the number of its effects. Each effect has a natural key."""
    every_seconds: float = 5.0
    share_max: float = 1.0
    """The largest share of the time that the job may take. A run that takes long makes the next wait longer."""


def paged(name: str, page: Page, *, every_seconds: float = 5.0, pages_max: int = PAGES_MAX) -> Job:
    """Return a job that does one page per transaction, until a page had no effect or `pages_max` is reached."""

    async def run(runtime: Runtime[Any]) -> int:
        effects = 0
        for _ in range(pages_max):
            async with runtime.database.begin() as tx:
                done = await page(tx, runtime.context)
            effects += done
            if not done:
                break
        return effects

    return Job(name, run, every_seconds)


class RowsPassedOver(Exception):
    """A job did what it could, and passes rows over that it cannot do.

    `error` is that of the last row which was tried in this run; None: none of them was tried.
    """

    def __init__(self, effects: int, rows: int, error: Exception | None) -> None:
        super().__init__(f"{rows} rows are passed over")
        self.effects = effects
        self.error = error


async def run_jobs(jobs: Sequence[Job], runtime: Runtime, lease: Lease) -> None:
    """Run every job at its interval, until cancelled or the lease is lost."""
    async with asyncio.TaskGroup() as group:
        for job in jobs:
            group.create_task(_repeat(job, runtime, lease), name=f"job {job.name}")


async def _repeat(job: Job, runtime: Runtime, lease: Lease) -> None:
    quiet, wait = logs.QuietLog(log), job.every_seconds
    may_be_noted = True
    """Whether the table of failing jobs may name this one: the process that led before may have written it."""
    while True:
        lease.check()
        began = time.monotonic()
        try:
            may_be_noted = await _run(job, runtime, may_be_noted=may_be_noted)
        except Exception as error:  # noqa: BLE001 - it is logged and tried again, because a job must not end the others
            lease.check()
            quiet.warning("a periodic job failed and is tried again", job=job.name, exc_info=error)
            wait = min(wait * 2, max(BACKOFF_SECONDS_MAX, job.every_seconds))
            may_be_noted = True
            await _note_failure(runtime.database, job.name, error)
        else:
            quiet.over("a periodic job works again", job=job.name)
            took = time.monotonic() - began
            wait = max(job.every_seconds, min(took / job.share_max, SHARED_SECONDS_MAX))
        await asyncio.sleep(wait)


async def _run(job: Job, runtime: Runtime, *, may_be_noted: bool) -> bool:
    """Run a job once; return whether the table of failing jobs may name it afterwards."""
    try:
        effects, passed = await job.run(runtime), None
    except RowsPassedOver as over:
        effects, passed = over.effects, over
    await _note(runtime.database, job.name, effects)
    if passed is not None:
        if passed.error is not None:
            await _note_failure(runtime.database, job.name, passed.error)
        return True
    if may_be_noted:
        await failing_jobs.clear(runtime.database, job.name)
    return False


async def _note_failure(database: Database, name: str, error: Exception) -> None:
    """Write down that a job fails. An outage is ignored: nothing can be written then, and other checks report it."""
    try:
        await failing_jobs.note(database, name, error)
    except Exception as unwritable:
        if not failures.is_transient(unwritable):
            raise


async def _note(database: Database, name: str, effects: int) -> None:
    """Count a run that had effects, so that operators see it."""
    if not effects:
        return
    insert = (postgresql if database.dialect == "postgresql" else sqlite).insert
    async with database.begin() as tx:
        fresh = insert(job_state).values(name=name, ran_at=tx.now, effects=effects, runs=1)
        counted = {
            "ran_at": fresh.excluded.ran_at,
            "effects": job_state.c.effects + effects,
            "runs": job_state.c.runs + 1,
        }
        await tx.execute(fresh.on_conflict_do_update(index_elements=["name"], set_=counted))
