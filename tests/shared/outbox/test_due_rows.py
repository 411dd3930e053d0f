"""A row that cannot be done keeps no others waiting: it is passed over, told, and tried again later."""

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import func, select

from shared.clock import ManualClock
from shared.consume.tables import InboxRecord, inbox
from shared.context import Context
from shared.db import Database, Read, Tx
from shared.outbox import due_rows, failing_jobs
from shared.outbox.due_rows import by_rows
from shared.outbox.jobs import Job, RowsPassedOver, run_jobs
from shared.outbox.lease import FileLease, LeaseLost
from shared.service import Runtime
from tests.parts.waiting import until
from tests.shared.ledger import AT

ALL = [f"row_{number:04}" for number in range(1_203)]


@pytest.fixture
def runtime(database: Database) -> Runtime:
    """A runtime that has only what a job over rows uses: the database and its clock."""
    clock = database.clock = ManualClock(AT)
    return Runtime(None, database, None, None, None, clock)  # type: ignore[arg-type]


class Work:
    """Rows that are done by a row in the inbox, of which some cannot be done."""

    def __init__(self, bad: set[str]) -> None:
        self.bad = bad
        self.tried: list[str] = []

    async def find(self, read: Read, _context: Context, limit: int) -> list[str]:
        done = {event_id for (event_id,) in await read.all(select(inbox.c.event_id))}
        return [key for key in ALL if key not in done][:limit]

    async def act(self, tx: Tx, _context: Context, keys: Sequence[str]) -> int:
        self.tried += keys
        await tx.insert_records(inbox, [InboxRecord("test", key, tx.now) for key in keys])
        if not self.bad.isdisjoint(keys):
            raise ZeroDivisionError
        return len(keys)

    @property
    def job(self) -> Job:
        return by_rows("work", self.find, self.act, every_seconds=0.01)


async def done(runtime: Runtime) -> int:
    async with runtime.database.read() as read:
        return int(await read.scalar(select(func.count()).select_from(inbox)) or 0)


async def test_all_rows_are_done_but_those_that_cannot_be(runtime: Runtime) -> None:
    work = Work({ALL[0], ALL[700], ALL[-1]})
    with pytest.raises(RowsPassedOver) as ended:
        await work.job.run(runtime)
    assert isinstance(ended.value.error, ZeroDivisionError)
    assert ended.value.effects == await done(runtime) == len(ALL) - 3


async def test_a_row_is_tried_again_later_and_told_until_it_is_done(runtime: Runtime) -> None:
    work, clock = Work({ALL[3]}), runtime.clock
    assert isinstance(clock, ManualClock)
    for wait in (timedelta(), due_rows.RETRY_AFTER, 2 * due_rows.RETRY_AFTER):
        clock.advance(wait)
        with pytest.raises(RowsPassedOver) as tried:
            await work.job.run(runtime)
        assert tried.value.error is not None
        tries = len(work.tried)
        clock.advance(-timedelta(seconds=1))
        with pytest.raises(RowsPassedOver) as ended:
            await work.job.run(runtime)
        assert (ended.value.error, len(work.tried)) == (None, tries), "it is not its time yet"
        clock.advance(timedelta(seconds=1))
    work.bad.clear()
    clock.advance(due_rows.RETRY_AFTER_MAX)
    assert await work.job.run(runtime) == 1
    assert await work.job.run(runtime) == 0


async def test_a_row_that_is_no_longer_due_is_forgotten(runtime: Runtime) -> None:
    work = Work({ALL[3]})
    with pytest.raises(RowsPassedOver):
        await work.job.run(runtime)
    async with runtime.database.begin() as tx:
        await tx.insert_records(inbox, [InboxRecord("test", ALL[3], tx.now)])
    assert await work.job.run(runtime) == 0


async def test_a_job_that_can_do_none_fails_after_a_few(runtime: Runtime) -> None:
    work = Work(set(ALL))
    with pytest.raises(ZeroDivisionError):
        await work.job.run(runtime)
    assert await done(runtime) == 0
    assert len(set(work.tried)) < len(ALL)


async def test_the_database_is_no_fault_of_a_row(runtime: Runtime) -> None:
    async def away(_tx: Tx, _context: Context, _keys: Sequence[str]) -> int:
        raise ConnectionResetError

    work = Work(set())
    with pytest.raises(ConnectionResetError):
        await by_rows("work", work.find, away).run(runtime)
    assert await work.job.run(runtime) == len(ALL)


async def test_health_tells_of_a_job_that_passes_rows_over_until_they_are_done(
    runtime: Runtime, tmp_path: Path
) -> None:
    lease = FileLease(tmp_path / "test.lease")
    assert lease.try_acquire()
    work = Work({ALL[9]})
    running = asyncio.create_task(run_jobs([work.job], runtime, lease))

    async def failing() -> list[str]:
        async with runtime.database.read() as read:
            return [job.error_type for job in await failing_jobs.failing(read, runtime.clock.now())]

    async def told() -> bool:
        return await failing() == ["ZeroDivisionError"] and await done(runtime) == len(ALL) - 1

    async def forgotten() -> bool:
        return await failing() == [] and await done(runtime) == len(ALL)

    await until(told)
    work.bad.clear()
    assert isinstance(runtime.clock, ManualClock)
    runtime.clock.advance(due_rows.RETRY_AFTER)
    await until(forgotten)
    await lease.release()
    with pytest.raises(ExceptionGroup) as ended:
        await running
    assert ended.value.split(LeaseLost)[1] is None
