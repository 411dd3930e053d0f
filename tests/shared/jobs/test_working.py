"""Jobs are done once, whatever happens to their workers: killed, slow, several at a time, cancelled. On both databases."""

import asyncio
import random
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from shared.context import Runtime
from shared.jobs import Held, Prepared, limits, storage
from shared.jobs.refusals import JobEnded
from shared.jobs.tables import job_error
from shared.jobs.working import do_chunk, take, work, work_on_all
from tests.shared.jobs.conftest import CHUNK, Marking

LEASE_SECONDS = limits.LEASE.total_seconds()


class Killed(BaseException):
    """The process of a worker ends."""


async def test_a_job_is_done_chunk_by_chunk_and_tells_how_far_it_is(marking: Marking) -> None:
    job_id = await marking.begin(25)
    seen = []

    async def look() -> None:
        seen.append(await marking.find(job_id))

    marking.middle = lambda _: look() if marking.runtime.database.dialect == "postgresql" else None
    assert await work_on_all(marking.runtime, marking.kinds) == 3

    record = await marking.find(job_id)
    assert (record.state, record.done, record.failed, record.cursor) == ("done", 25, 0, "25")
    assert (record.asked, record.outcomes) == ({"count": 25}, {"even": 12})
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
    assert await marking.rows(job_error) == 12


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
    job_id = await marking.begin(CHUNK * limits.CHUNKS_AT_ONCE * 2)
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


async def test_what_a_job_reads_is_prepared_once_before_its_first_chunk(marking: Marking) -> None:
    prepared: list[list[str]] = []

    async def prepare(_: Runtime[Any], held: Held, pieces: Sequence[str]) -> Prepared:
        prepared.append(list(pieces))
        if len(prepared) == 1:
            raise Killed
        return Prepared(pieces=["parted"], parameters="25", total=25)

    marking.kinds["mark_items"] = replace(marking.kinds["mark_items"], prepare=prepare)
    job_id = await marking.begin(1, read=["raw", "pieces"])
    with pytest.raises(Killed):
        await work(marking.runtime, marking.kinds)
    marking.wait(LEASE_SECONDS)
    taken = await take(marking.runtime, marking.kinds)
    assert taken is not None
    taken = await do_chunk(marking.runtime, taken)
    assert taken is not None
    record = await marking.find(job_id)
    assert (record.total, record.cursor, record.done) == (25, "0", 0)
    assert record.input_key is not None
    async with marking.runtime.database.read() as read:
        keys = await marking.runtime.vault.keys(read, [record.input_key])
        assert await storage.pieces_of_input(read, keys, record) == ["parted"]

    while taken is not None:
        taken = await do_chunk(marking.runtime, taken)
    assert prepared == [["raw", "pieces"]] * 2
    assert await marking.marked(job_id) == list(range(1, 26))


async def test_a_worker_that_lost_its_job_while_it_prepared_stores_nothing(marking: Marking) -> None:
    async def prepare(_: Runtime[Any], held: Held, pieces: Sequence[str]) -> Prepared:
        marking.wait(LEASE_SECONDS)
        assert await take(marking.runtime, marking.kinds) is not None
        return Prepared(pieces=["parted"], parameters="25", total=25)

    marking.kinds["mark_items"] = replace(marking.kinds["mark_items"], prepare=prepare)
    job_id = await marking.begin(1, read=["raw"])
    taken = await take(marking.runtime, marking.kinds)
    assert taken is not None
    assert await do_chunk(marking.runtime, taken) is None
    record = await marking.find(job_id)
    assert (record.total, record.cursor, record.fence) == (1, "", 2)
