"""The rows of a file are grouped in time that grows as the file does, and a caller that leaves stops the grouping safely."""

import asyncio
import contextlib
import sqlite3
from collections.abc import Callable, Sequence

import pytest

from shared.files.row_error import RowError
from shared.files.rows import Row
from shared.files.staging import keyed_rows, opened_with_thread

INSTRUCTIONS = 1_000
STOPPED_WITHIN_SECONDS = 30


def rows_in_turn(count: int) -> list[Row]:
    return [Row(number, ["AB"[number % 2], "o"]) for number in range(count)]


def rows_in_turn_that_differ(count: int) -> list[Row]:
    return [Row(number, ["AB"[number % 2], str(number)]) for number in range(count)]


def unreadable_rows(count: int) -> list[Row]:
    return [Row(number, ["A"], RowError(number, "", "bad", "Bad.", "坏。")) for number in range(count)]


def key_of(cells: Sequence[str]) -> str:
    return cells[0]


async def work_on(rows: Sequence[Row]) -> int:
    """Return how many times SQLite has done some instructions when these rows are grouped."""
    looks = 0

    def count() -> bool:
        nonlocal looks
        looks += 1
        return False

    async with opened_with_thread() as staging:
        staging.add(keyed_rows(rows, key_of))
        staging._connection.set_progress_handler(count, INSTRUCTIONS)
        await staging.group_beside()
    return looks


@pytest.mark.parametrize("rows_of", [rows_in_turn, rows_in_turn_that_differ, unreadable_rows])
async def test_four_times_the_rows_take_about_four_times_the_work(
    rows_of: Callable[[int], list[Row]],
) -> None:
    assert await work_on(rows_of(4_000)) < 5 * await work_on(rows_of(1_000))


@pytest.mark.parametrize("cancelled_times", [1, 2])
async def test_a_caller_that_is_cancelled_stops_the_grouping_and_its_thread_closes_the_database(
    cancelled_times: int,
) -> None:
    """The grouping here would not end by itself."""
    staging = None
    begun = asyncio.Event()

    async def group() -> None:
        nonlocal staging
        async with opened_with_thread() as staging:
            staging.add(keyed_rows(unreadable_rows(1_000), key_of))
            loop = asyncio.get_running_loop()
            staging._connection.create_function("tell", 0, lambda: bool(loop.call_soon_threadsafe(begun.set)))
            staging._connection.execute(
                "CREATE TRIGGER endless AFTER UPDATE ON row BEGIN SELECT tell(); INSERT INTO summed "
                "SELECT 'x', count(*) FROM row a, row b, row c, row d WHERE a.key || b.key || c.key || d.key = 'x'; END"
            )
            await staging.group_beside()

    grouping = asyncio.create_task(group())
    await begun.wait()
    for _ in range(cancelled_times):
        grouping.cancel()
        await asyncio.sleep(0)
    with contextlib.suppress(asyncio.CancelledError):
        await grouping
    assert grouping.cancelled()
    assert staging is not None
    async with asyncio.timeout(STOPPED_WITHIN_SECONDS):
        await asyncio.to_thread(staging._thread.shutdown)
    with pytest.raises(sqlite3.ProgrammingError, match="closed"):
        staging._connection.execute("SELECT 1")
