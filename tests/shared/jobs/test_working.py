"""Jobs are done once, whatever happens to their workers: killed, slow, several at a time, cancelled. On both databases."""

import asyncio
import random

import pytest
from sqlalchemy import func, select

from shared.auth.principal import Principal
from shared.jobs import limits, storage
from shared.jobs.refusals import JobEnded, TooManyJobs
from shared.jobs.tables import job, job_error, job_piece
from shared.jobs.working import do_chunk, take, work, work_on_all
from shared.vault import subject_key
from tests.shared.jobs.conftest import CHUNK, Marking

LEASE_SECONDS = limits.LEASE.total_seconds()


class Killed(BaseException):
    """The process of a worker ends."""


async def rows(marking: Marking, table: object) -> int:
    async with marking.runtime.database.read() as read:
        return await read.scalar(select(func.count()).select_from(table)) or 0  # type: ignore[arg-type]


async def test_a_job_is_done_chunk_by_chunk_and_tells_how_far_it_is(marking: Marking) -> None:
    job_id = await marking.begin(25)
    seen = []

    async def look() -> None:
        seen.append(await marking.find(job_id))

    marking.middle = lambda _: look() if marking.runtime.database.dialect == "postgresql" else None
    assert await work_on_all(marking.runtime, marking.kinds) == 3

    record = await marking.find(job_id)
    assert (record.state, record.done, record.failed, record.cursor) == ("done", 25, 0, "25")
    assert [record.done for record in seen] in ([], [0, 10, 20]), "what is told is committed"
    assert await marking.marked(job_id) == list(range(1, 26))
    assert await marking.result(job_id) == "".join(f"{item}\n" for item in range(1, 26))
    assert record.expires_at is not None
    assert record.finished_at is not None
    assert record.expires_at - record.finished_at == limits.KEPT


async def test_what_could_not_be_done_is_counted_and_kept_with_its_row(marking: Marking) -> None:
    marking.bad = frozenset((3, 14))
    job_id = await marking.begin(20)
    await work_on_all(marking.runtime, marking.kinds)

    record = await marking.find(job_id)
    assert (record.state, record.done, record.failed) == ("done", 18, 2)
    async with marking.runtime.database.read() as read:
        first = await storage.errors_page(read, job_id, after=0, limit=1)
        second = await storage.errors_page(read, job_id, after=first[0].number, limit=5)
        keys = await marking.runtime.vault.keys(read, [job_id])
    assert [(error.row, error.pointer, error.code) for error in (*first, *second)] == [
        (3, "/item", "item_bad"),
        (14, "/item", "item_bad"),
    ]
    assert storage.words_of(keys, second[0], "zh") == "14 不好。"
    assert b"Item" not in second[0].detail


async def test_errors_above_the_limit_are_counted_only(
    marking: Marking, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "ERRORS_MAX", 12)
    marking.bad = frozenset(range(1, 31))
    job_id = await marking.begin(30)
    await work_on_all(marking.runtime, marking.kinds)

    assert (await marking.find(job_id)).failed == 30
    assert await rows(marking, job_error) == 12


async def test_of_two_workers_one_takes_the_job(marking: Marking) -> None:
    job_id = await marking.begin(200)
    takes = await asyncio.gather(*(take(marking.runtime, marking.kinds) for _ in range(2)))

    assert sorted(taken is not None for taken in takes) == [False, True]
    assert (await marking.find(job_id)).fence == 1


async def test_workers_side_by_side_do_each_item_once(marking: Marking) -> None:
    job_ids = [await marking.begin(count) for count in (95, 40, 1, 230)]
    await asyncio.gather(*(work_on_all(marking.runtime, marking.kinds) for _ in range(3)))
    await work_on_all(marking.runtime, marking.kinds)

    for job_id, count in zip(job_ids, (95, 40, 1, 230), strict=True):
        assert (await marking.find(job_id)).state == "done"
        assert await marking.marked(job_id) == list(range(1, count + 1))


async def test_a_killed_worker_leaves_nothing_of_its_chunk_and_another_goes_on(marking: Marking) -> None:
    job_id = await marking.begin(30)

    def kill_second(first: int) -> None:
        if first == CHUNK + 1:
            raise Killed

    marking.middle = kill_second
    with pytest.raises(Killed):
        await work(marking.runtime, marking.kinds)
    assert await marking.marked(job_id) == list(range(1, CHUNK + 1))

    marking.middle = None
    assert await work(marking.runtime, marking.kinds) == 0, "the lease of the dead has not passed"
    marking.wait(LEASE_SECONDS)
    await work(marking.runtime, marking.kinds)
    assert await marking.marked(job_id) == list(range(1, 31))
    assert (await marking.find(job_id)).fence == 2


async def test_a_worker_that_lost_its_job_writes_nothing(marking: Marking) -> None:
    job_id = await marking.begin(30)
    zombie = await take(marking.runtime, marking.kinds)
    assert zombie is not None
    marking.wait(LEASE_SECONDS)
    heir = await take(marking.runtime, marking.kinds)
    assert heir is not None

    assert await do_chunk(marking.runtime, zombie) is None
    assert await marking.marked(job_id) == []
    assert await do_chunk(marking.runtime, heir) is not None
    assert await do_chunk(marking.runtime, heir) is None, "the cursor has moved on since it was seen"
    assert await marking.marked(job_id) == list(range(1, CHUNK + 1))
    record = await marking.find(job_id)
    assert (record.done, record.pieces, record.state) == (CHUNK, 1, "running")


async def test_any_interleaving_of_workers_deaths_and_zombies_does_each_item_once(
    marking: Marking, seeded: random.Random
) -> None:
    """Workers take, do, die, come back from the dead and lose time, in a random order, until all is done."""
    for _ in range(8):
        count = seeded.randrange(1, 120)
        job_id = await marking.begin(count)
        hands: list[object] = []
        for _ in range(400):
            if (await marking.find(job_id)).state == "done":
                break
            act = seeded.random()
            if act < 0.3 or not hands:
                marking.wait(seeded.choice((0.0, LEASE_SECONDS / 2, LEASE_SECONDS)))
                hands.append(await take(marking.runtime, marking.kinds))
                hands = [held for held in hands if held is not None]
            else:
                held = seeded.choice(hands)
                dies = seeded.random() < 0.2
                marking.middle = (lambda _: _die()) if dies else None
                try:
                    after = await do_chunk(marking.runtime, held)  # type: ignore[arg-type]
                except Killed:
                    continue  # another process may still think that it holds this
                if after is not None and seeded.random() < 0.8:
                    hands.append(after)
        marking.middle = None
        while (record := await marking.find(job_id)).state == "running":
            marking.wait(LEASE_SECONDS)
            await work(marking.runtime, marking.kinds)
        if record.state == "done":
            assert await marking.marked(job_id) == list(range(1, count + 1))
            assert (record.done, await marking.result(job_id)) == (
                count,
                "".join(f"{item}\n" for item in range(1, count + 1)),
            )
        else:
            assert record.code == "chunk_failed"
            assert await marking.marked(job_id) == list(range(1, record.done + 1))


def _die() -> None:
    raise Killed


async def test_a_cancelled_job_stops_and_keeps_what_it_has_done(marking: Marking) -> None:
    job_id = await marking.begin(50)
    taken = await take(marking.runtime, marking.kinds)
    assert taken is not None
    taken = await do_chunk(marking.runtime, taken)
    assert taken is not None
    await marking.cancel(job_id)

    assert await do_chunk(marking.runtime, taken) is None
    record = await marking.find(job_id)
    assert (record.state, record.done) == ("cancelled", CHUNK)
    assert await marking.marked(job_id) == list(range(1, CHUNK + 1))
    marking.wait(LEASE_SECONDS)
    assert await work_on_all(marking.runtime, marking.kinds) == 0
    with pytest.raises(JobEnded):
        await marking.cancel(job_id)


async def test_cancelling_in_the_middle_of_a_chunk_waits_for_the_chunk(marking: Marking) -> None:
    job_id = await marking.begin(50)
    entered, go_on = asyncio.Event(), asyncio.Event()

    async def pause() -> None:
        entered.set()
        await go_on.wait()

    marking.middle = lambda _: pause()
    working = asyncio.create_task(work(marking.runtime, marking.kinds))
    await entered.wait()
    cancelling = asyncio.create_task(marking.cancel(job_id))
    await asyncio.sleep(0)
    go_on.set()
    marking.middle = None
    await asyncio.gather(working, cancelling)

    record = await marking.find(job_id)
    assert record.state == "cancelled"
    assert record.done > 0
    assert await marking.marked(job_id) == list(range(1, record.done + 1)), "what is counted is committed"


async def test_a_chunk_that_fails_five_times_ends_the_job_with_its_rows(marking: Marking) -> None:
    job_id = await marking.begin(95)
    tries: list[int] = []

    def fail(first: int) -> None:
        if first == CHUNK * 2 + 1:
            tries.append(first)
            raise ZeroDivisionError

    marking.middle = fail
    for attempt in range(limits.ATTEMPTS_MAX):
        await work(marking.runtime, marking.kinds)
        assert await work(marking.runtime, marking.kinds) == 0, "it waits before the next attempt"
        marking.wait(limits.BACKOFF_SECONDS * 2**attempt)

    record = await marking.find(job_id)
    assert len(tries) == limits.ATTEMPTS_MAX
    assert (record.state, record.code, record.done) == ("failed", "chunk_failed", CHUNK * 2)
    assert (record.failed_from, record.failed_to) == (CHUNK * 2 + 1, 95)
    assert await marking.marked(job_id) == list(range(1, CHUNK * 2 + 1))
    async with marking.runtime.database.read() as read:
        (error,) = await storage.errors_page(read, job_id, after=0, limit=5)
    assert (error.row, error.code) == (CHUNK * 2 + 1, "chunk_failed")


async def test_a_chunk_that_kills_its_process_again_and_again_ends_the_job(marking: Marking) -> None:
    job_id = await marking.begin(20)
    marking.middle = lambda _: _die()
    for _ in range(limits.ATTEMPTS_MAX):
        with pytest.raises(Killed):
            await work(marking.runtime, marking.kinds)
        marking.wait(LEASE_SECONDS)
    assert await work(marking.runtime, marking.kinds) == 0

    record = await marking.find(job_id)
    assert (record.state, record.code) == ("failed", "chunk_failed")


async def test_a_refused_chunk_ends_the_job_at_once_with_its_code(marking: Marking) -> None:
    job_id = await marking.begin(20)

    def refuse(_: int) -> None:
        raise JobEnded

    marking.middle = refuse
    await work(marking.runtime, marking.kinds)
    record = await marking.find(job_id)
    assert (record.state, record.code, record.failed_from) == ("failed", "job_ended", None)
    assert await marking.marked(job_id) == []


async def test_a_job_of_a_kind_that_is_gone_fails(marking: Marking) -> None:
    job_id = await marking.begin(20)
    await work(marking.runtime, {})
    record = await marking.find(job_id)
    assert (record.state, record.code) == ("failed", "unknown_kind")


async def test_a_long_job_holds_up_no_short_one(marking: Marking) -> None:
    long = await marking.begin(CHUNK * limits.CHUNKS_AT_ONCE * 3)
    marking.wait(1)
    short = await marking.begin(5)
    await work(marking.runtime, marking.kinds)
    marking.wait(1)
    await work(marking.runtime, marking.kinds)

    assert (await marking.find(short)).state == "done"
    assert (await marking.find(long)).done == CHUNK * limits.CHUNKS_AT_ONCE


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
    assert await rows(marking, subject_key) == 1, "the key goes first"
    while await prune():
        pass
    assert [await rows(marking, table) for table in (job, job_error, job_piece, subject_key)] == [1, 0, 1, 1]
    assert (await marking.find(young)).state == "done"


async def test_one_caller_has_so_many_open_jobs_at_most(marking: Marking) -> None:
    for _ in range(limits.OPEN_MAX):
        await marking.begin(1)
    with pytest.raises(TooManyJobs):
        await marking.begin(1)
    await marking.begin(1, caller=Principal("partner", "bo"))
    await work_on_all(marking.runtime, marking.kinds)
    await marking.begin(1)
