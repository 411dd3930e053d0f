"""Periodic jobs, run by whoever holds the service's lease."""

import asyncio
from collections.abc import Sequence

from sqlalchemy.dialects import postgresql, sqlite

from shared import logs
from shared.db import Database
from shared.outbox.lease import Lease
from shared.outbox.tables import job_state
from shared.service import Job, Parts

BACKOFF_SECONDS_MAX = 60.0

log = logs.named(__name__, keys=("job",))


async def run_jobs(jobs: Sequence[Job], parts: Parts, lease: Lease) -> None:
    """Run every job at its pace until cancelled or the lease is lost."""
    async with asyncio.TaskGroup() as group:
        for job in jobs:
            group.create_task(_repeat(job, parts, lease), name=f"job {job.name}")


async def _repeat(job: Job, parts: Parts, lease: Lease) -> None:
    quiet, wait = logs.QuietLog(log), job.every_seconds
    while True:
        lease.check()
        try:
            effects = await job.run(parts)
            await _note(parts.database, job.name, effects)
        except Exception as error:  # noqa: BLE001 - said aloud and tried again: a job must not end the others
            lease.check()
            quiet.warning("a periodic job failed and is tried again", job=job.name, exc_info=error)
            wait = min(wait * 2, max(BACKOFF_SECONDS_MAX, job.every_seconds))
        else:
            quiet.over("a periodic job works again", job=job.name)
            wait = job.every_seconds
        await asyncio.sleep(wait)


async def _note(database: Database, name: str, effects: int) -> None:
    """Count a run that had effects, for operators to see."""
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
