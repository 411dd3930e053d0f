"""The end of a job: what it reads is destroyed at once, and the rest some days later. On both databases."""

import asyncio

import pytest
from sqlalchemy import select

from shared.auth.principal import Principal
from shared.jobs import limits, storage
from shared.jobs.refusals import JobEnded, TooManyJobs
from shared.jobs.tables import job, job_error, job_piece
from shared.jobs.working import work, work_on_all
from shared.vault import subject_key
from tests.shared.jobs.conftest import Marking


@pytest.mark.parametrize("ending", ["done", "cancelled", "failed"])
async def test_what_a_job_reads_is_sealed_and_destroyed_at_its_end(marking: Marking, ending: str) -> None:
    job_id = await marking.begin(5, read=["13800138000", "second"])
    record = await marking.find(job_id)
    assert record.input_key is not None
    async with marking.runtime.database.read() as read:
        keys = await marking.runtime.vault.keys(read, [record.input_key])
        assert await storage.piece_of(read, keys, record.input_key, job_id, "in", 1) == "13800138000"
        assert await storage.piece_of(read, keys, record.input_key, job_id, "in", 3) is None
        stored = await read.all(select(job_piece.c.content))
    assert not [content for (content,) in stored if b"138" in content]

    if ending == "cancelled":
        await marking.cancel(job_id)
    else:
        marking.middle = None if ending == "done" else _refuse
        await work(marking.runtime, marking.kinds)
    record = await marking.find(job_id)
    assert (record.state, record.input_key) == (ending, None)
    async with marking.runtime.database.read() as read:
        left = [way for (way,) in await read.all(select(job_piece.c.way))]
        assert [key for (key,) in await read.all(select(subject_key.c.identity_id))] == [job_id]
    assert "in" not in left


def _refuse(_: int) -> None:
    raise JobEnded


async def test_a_job_is_deleted_some_days_after_its_end_with_all_that_it_left(
    marking: Marking, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "PRUNE_PAGE", 2)
    marking.bad = frozenset(range(1, 9))
    await marking.begin(55)
    await work_on_all(marking.runtime, marking.kinds)
    marking.bad = frozenset()
    young = await marking.begin(1)

    async def prune() -> int:
        async with marking.runtime.database.begin() as tx:
            return await storage.prune(tx, marking.runtime.context)

    marking.wait(limits.KEPT.total_seconds() - 1)
    assert await prune() == 0
    await work_on_all(marking.runtime, marking.kinds)
    marking.wait(1)
    assert await prune() > 0
    assert await marking.rows(subject_key) == 1, "the key goes first"
    while await prune():
        pass
    assert [await marking.rows(table) for table in (job, job_error, job_piece, subject_key)] == [1, 0, 1, 1]
    assert (await marking.find(young)).state == "done"


async def test_one_caller_has_so_many_open_jobs_at_most(marking: Marking) -> None:
    for _ in range(limits.OPEN_MAX):
        last = await marking.begin(1)
    with pytest.raises(TooManyJobs):
        await marking.begin(1)
    await marking.cancel(last)
    await asyncio.gather(
        *(marking.rows(job) for _ in range(4))
    )  # each of the next four has a connection at once
    at_once = await asyncio.gather(*(marking.begin(1) for _ in range(4)), return_exceptions=True)
    assert [type(answer) for answer in at_once if not isinstance(answer, str)] == [TooManyJobs] * 3
    await marking.begin(1, caller=Principal("partner", "bo"))
    await work_on_all(marking.runtime, marking.kinds)
    await marking.begin(1)
