"""Work that many ask for runs once at a time; its failure is raised; it ends when its owner closes it."""

import asyncio

import pytest

from shared.latest import Latest


class Work:
    """Work that waits until it may end, and then counts or fails."""

    def __init__(self) -> None:
        self.runs = 0
        self.go_on = asyncio.Event()
        self.failure: Exception | None = None

    async def __call__(self) -> int:
        self.runs += 1
        await self.go_on.wait()
        if self.failure is not None:
            raise self.failure
        return self.runs


async def test_callers_share_a_run_and_use_its_result_while_it_is_young() -> None:
    work, latest = Work(), Latest[int]()
    asking = [asyncio.create_task(latest.get(work, 60.0)) for _ in range(5)]
    await asyncio.sleep(0)
    work.go_on.set()

    assert await asyncio.gather(*asking) == [1] * 5
    assert await latest.get(work, 60.0) == 1
    assert await latest.get(work, 0.0) == 2


async def test_a_failure_is_raised_also_to_a_caller_that_comes_after_it() -> None:
    work, latest = Work(), Latest[int]()
    work.failure = KeyError("bug")
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0):
            await latest.get(work, 60.0)
    work.go_on.set()

    for _ in range(2):
        with pytest.raises(KeyError):
            await latest.get(work, 60.0)
    assert work.runs == 1


async def test_work_that_still_runs_is_cancelled_at_the_end() -> None:
    work, latest = Work(), Latest[int]()
    asking = asyncio.create_task(latest.get(work, 60.0))
    await asyncio.sleep(0)
    await latest.close()

    with pytest.raises(asyncio.CancelledError):
        await asking
    await latest.close()
