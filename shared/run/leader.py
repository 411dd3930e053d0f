"""Run the relay and the periodic jobs under the service's lease."""

import asyncio
from collections.abc import Coroutine, Sequence
from datetime import timedelta
from functools import partial
from typing import Any

from sqlalchemy import delete, select

from shared import audit, logs
from shared.consume import set_aside
from shared.consume.tables import inbox
from shared.context import Context, Runtime
from shared.db import Tx
from shared.http import idempotency, rate_windows
from shared.jobs import limits as job_limits
from shared.jobs import storage as job_rows
from shared.jobs.working import work_on_all
from shared.outbox import relay as relaying
from shared.outbox import witness
from shared.outbox.jobs import Job, paged, run_jobs
from shared.outbox.lease import LeaseLost, open_lease
from shared.outbox.relay import Relay
from shared.run.process_metrics import Leadership
from shared.service.service import Service
from shared.verify import rolling as verifying

INBOX_DAYS = 7
PRUNE_EVERY_SECONDS = 3600.0
PRUNE_PAGES_MAX = 2_000
"""The largest number of pages in one run of a job that prunes: ten million rows an hour."""
DRAIN_SECONDS_MAX = 5.0

log = logs.named(__name__, keys=("error_type",))


async def lead(
    service: Service, runtime: Runtime, stopping: asyncio.Event, leadership: Leadership | None = None
) -> None:
    """Acquire the lease whenever it is free, and relay and run the jobs while it is held, until asked to stop."""
    lease = open_lease(runtime.database.url, runtime.settings.home, service.name)
    relay = Relay(service.name, runtime.database, runtime.bus, lease, service.topics_published)
    leadership = leadership or Leadership()
    leadership.lease, leadership.relay = lease, relay
    jobs = [*service.jobs, *KERNEL_JOBS, verifying.job_of(service.invariants), *worker_of(service)]
    try:
        while not stopping.is_set():
            if not await before(stopping, lease.acquire()):
                break
            leadership.begin()
            log.info("the lease is held", service=service.name)
            try:
                async with asyncio.TaskGroup() as group:
                    work = [
                        group.create_task(relay.run()),
                        group.create_task(run_jobs(jobs, runtime, lease)),
                    ]
                    await stopping.wait()
                    for task in work:
                        task.cancel()
            except* LeaseLost:
                log.warning("the lease was lost and is asked for again", service=service.name)
        if lease.held():
            await _drain(relay)
    finally:
        await lease.release()


def worker_of(service: Service) -> Sequence[Job]:
    """Return the periodic job that works on what callers asked for; none if the service has no such work."""
    kinds = {kind.operation: kind for kind in service.job_kinds}
    if not kinds:
        return ()
    return (Job("work_on_jobs", partial(work_on_all, kinds=kinds), job_limits.EVERY_SECONDS),)


async def before(stopping: asyncio.Event, work: Coroutine[Any, Any, None]) -> bool:
    """Return whether `work` ended before the process was asked to stop. Otherwise the work is cancelled."""
    task = asyncio.ensure_future(work)
    stop = asyncio.ensure_future(stopping.wait())
    await asyncio.wait({task, stop}, return_when=asyncio.FIRST_COMPLETED)
    stop.cancel()
    if not task.done():
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        return False
    await task
    return True


async def _drain(relay: Relay) -> None:
    """Send the pending events. Events that cannot be sent in time stay in the outbox for the next leader."""
    try:
        await asyncio.wait_for(relay.drain(), DRAIN_SECONDS_MAX)
    except Exception as error:  # noqa: BLE001 - what cannot be sent now is sent at the next start
        log.warning("what is left of the outbox waits for the next start", error_type=type(error).__name__)


async def _prune_outbox(tx: Tx, _context: Context) -> int:
    return await relaying.prune(tx, tx.now - timedelta(days=witness.KEPT_DAYS))


async def _prune_inbox(tx: Tx, _context: Context) -> int:
    before = tx.now - timedelta(days=INBOX_DAYS)
    old = select(inbox.c.event_id).where(inbox.c.seen_at < before).limit(relaying.PRUNE_ROWS_MAX)
    return await tx.execute(delete(inbox).where(inbox.c.seen_at < before, inbox.c.event_id.in_(old)))


_pruning = partial(paged, every_seconds=PRUNE_EVERY_SECONDS, pages_max=PRUNE_PAGES_MAX)
KERNEL_JOBS = (
    _pruning("prune_outbox", _prune_outbox),
    _pruning("prune_inbox", _prune_inbox),
    _pruning("prune_answers", idempotency.prune),
    _pruning("prune_audit", audit.prune),
    _pruning("prune_rate_windows", rate_windows.prune),
    _pruning("prune_ended_jobs", job_rows.prune),
    _pruning("prune_set_aside", set_aside.prune),
)
"""The jobs of every service: they delete published rows, old event ids, old stored answers, old rows of the audit trail,
the windows of rate limits that are over, old jobs, and records that were set aside and applied long ago."""
