"""Periodic jobs: at their pace, each for itself, and only while the lease is held."""

import asyncio
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from shared.bus import Record
from shared.clock import ManualClock
from shared.consume import set_aside
from shared.consume.set_aside import Reason
from shared.consume.tables import InboxRecord, inbox
from shared.consume.tables import set_aside as set_aside_table
from shared.db import Database
from shared.ids import new_id
from shared.outbox import failing_jobs
from shared.outbox.jobs import run_jobs
from shared.outbox.lease import FileLease, LeaseLost
from shared.outbox.tables import job_state, outbox
from shared.run.leader import KERNEL_JOBS
from shared.service import Job, Runtime
from shared.vault import Vault
from tests.parts.waiting import until
from tests.shared.ledger import AT, purchase


@pytest.fixture
def runtime(database: Database) -> Runtime:
    """A runtime that has only what a job of the kernel uses: the database and its clock."""
    clock = database.clock = ManualClock(AT)
    return Runtime(None, database, None, None, None, clock)  # type: ignore[arg-type]


async def test_a_job_that_fails_is_tried_again_and_holds_up_no_other(
    runtime: Runtime, tmp_path: Path
) -> None:
    lease = FileLease(tmp_path / "test.lease")
    assert lease.try_acquire()
    done = {"good": 0, "bad": 0}

    async def work(_: Runtime) -> int:
        done["good"] += 1
        return 2

    async def fail(_: Runtime) -> int:
        done["bad"] += 1
        raise ZeroDivisionError

    jobs = [Job("bad", fail, 0.01), Job("good", work, 0.01)]
    running = asyncio.create_task(run_jobs(jobs, runtime, lease))
    await until(lambda: _at_least(done, 3))
    await lease.release()
    with pytest.raises(ExceptionGroup) as ended:
        await running
    assert ended.value.split(LeaseLost)[1] is None, "without the lease nothing runs, and that is the only end"
    async with runtime.database.read() as read:
        (noted,) = await read.all(select(job_state.c.name, job_state.c.effects, job_state.c.runs))
    assert noted == ("good", 2 * done["good"], done["good"])


async def test_a_job_that_fails_is_known_to_every_process_until_it_works(
    runtime: Runtime, tmp_path: Path
) -> None:
    lease = FileLease(tmp_path / "test.lease")
    assert lease.try_acquire()
    is_mended = False

    async def work(_: Runtime) -> int:
        if not is_mended:
            raise ZeroDivisionError
        return 0

    running = asyncio.create_task(run_jobs([Job("bad", work, 0.01)], runtime, lease))
    await until(lambda: _failing(runtime, 1))
    async with runtime.database.read() as read:
        (first,) = await failing_jobs.failing(read, AT)
    assert isinstance(runtime.clock, ManualClock)
    runtime.clock.advance(timedelta(minutes=5))
    await until(lambda: _failed_after(runtime, first.failed_at))
    async with runtime.database.read() as read:
        (later,) = await failing_jobs.failing(read, runtime.clock.now())
        forgotten = await failing_jobs.failing(read, runtime.clock.now() + failing_jobs.SHOWN_FOR)
    is_mended = True
    await until(lambda: _failing(runtime, 0))
    await lease.release()
    with pytest.raises(ExceptionGroup):
        await running

    assert (first.name, first.error_type, first.since) == ("bad", "ZeroDivisionError", AT)
    assert (later.since, later.failed_at) == (AT, AT + timedelta(minutes=5))
    assert forgotten == [], "a job that no version runs any more is not reported for ever"


async def test_records_that_were_set_aside_are_kept_while_somebody_needs_them(
    runtime: Runtime, vault: Vault
) -> None:
    kept = set_aside.APPLIED_KEPT
    dead = set_aside.record_from_bus(
        vault,
        "toy",
        Record("toys", 0, 7, None, (), b"", 0),
        state="dead",
        reason=Reason("unknown_sku", "Nobody knows it."),
        booked_at=AT - 2 * kept,
    )
    ended: dict[str, Any] = {"ended_at": AT - kept, "ended_by": "ana"}
    old = ended | {"ended_at": AT - kept - timedelta(seconds=1)}
    parked: dict[str, Any] = {"topic": None, "partition": None, "offset": None}
    records = [
        replace(dead, id="sad_dead"),
        replace(dead, id="sad_retried", state="applied", **ended),
        replace(dead, id="sad_retried_long_ago", state="applied", **old),
        replace(dead, id="sad_discarded_long_ago", state="discarded", offset=8, **old),
        replace(dead, id="sad_released_long_ago", state="applied", **old | parked),
        replace(dead, id="sad_given_up_long_ago", state="discarded", **old | parked),
        replace(dead, id="sad_parked", state="parked", **parked),
    ]
    async with runtime.database.begin() as tx:
        await tx.insert_records(set_aside_table, records)

    jobs = {job.name: job for job in KERNEL_JOBS}
    deleted = await jobs["prune_set_aside"].run(runtime)

    async with runtime.database.read() as read:
        left = await read.all(select(set_aside_table.c.id).order_by(set_aside_table.c.id))
    assert deleted == 2
    assert [name for (name,) in left] == [
        "sad_dead", "sad_discarded_long_ago", "sad_given_up_long_ago", "sad_parked", "sad_retried",
    ]  # fmt: skip


async def test_event_ids_are_kept_for_seven_days_and_pending_rows_for_ever(runtime: Runtime) -> None:
    seen_at = {"old": AT - timedelta(days=7, seconds=1), "young": AT - timedelta(days=7)}
    async with runtime.database.begin() as tx:
        await tx.insert_records(inbox, [InboxRecord("toy", name, at) for name, at in seen_at.items()])
        tx.publish(purchase(new_id("cus")))
    jobs = {job.name: job for job in KERNEL_JOBS}
    assert await jobs["prune_inbox"].run(runtime) == 1
    assert isinstance(runtime.clock, ManualClock)
    runtime.clock.advance(timedelta(days=1000))
    assert await jobs["prune_outbox"].run(runtime) == 0
    async with runtime.database.read() as read:
        assert await read.all(select(inbox.c.event_id)) == [("young",)]
        assert len(await read.all(select(outbox.c.id))) == 1


async def _failing(runtime: Runtime, count: int) -> bool:
    async with runtime.database.read() as read:
        return len(await failing_jobs.failing(read, runtime.clock.now())) == count


async def _failed_after(runtime: Runtime, instant: datetime) -> bool:
    async with runtime.database.read() as read:
        return any(job.failed_at > instant for job in await failing_jobs.failing(read, runtime.clock.now()))


async def _at_least(done: dict[str, int], count: int) -> bool:
    return min(done.values()) >= count
