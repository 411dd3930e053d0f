"""What is late is found in one request, and what has changed since the last one."""

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from services.feedback.complaints.domain.machine import ComplaintAction
from services.feedback.complaints.domain.selection import ComplaintSelection
from services.feedback.complaints.storage import complaints
from shared.db import Slice
from tests.feedback.asking import OPEN, opened, read
from tests.feedback.running import NOW, Feedback, open_feedback
from tests.parts.rows_read import rows_read, stay_without_statistics, take_indexes

ROWS_MAX = 20


async def listed(feedback: Feedback, **params: Any) -> list[str]:
    async with feedback.operator() as agent:
        answer = await agent.get(OPEN, params=params)
    assert answer.status_code == 200, answer.text
    return [complaint["id"] for complaint in answer.json()["items"]]


@pytest.mark.both_databases
async def test_late_complaints_are_found_in_one_request(feedback: Feedback) -> None:
    """A promise of the first policy is due after 24 hours."""
    ids: list[str] = []
    for hours in (0, 10, 0, 20):
        feedback.clock.set(NOW + timedelta(hours=hours))
        ids.append((await opened(feedback))["id"])
    late, later, answered, fresh = ([complaint_id] for complaint_id in ids)
    feedback.clock.set(NOW + timedelta(hours=20))
    await feedback.say(answered[0])
    feedback.clock.set(NOW + timedelta(hours=35))

    assert await listed(feedback, late="true", sort="due_at") == late + later
    assert await listed(feedback, late="true", sort="-due_at") == later + late
    assert set(await listed(feedback, late="false")) == {*answered, *fresh}
    assert await listed(feedback, due_before="2026-03-11T12:00:01Z") == late
    assert await listed(feedback, late="true", due_before="2026-03-11T12:00:00Z") == []
    assert await listed(feedback, sort="due_at") == late + later + fresh + answered


@pytest.mark.both_databases
async def test_the_due_time_follows_the_clocks(feedback: Feedback) -> None:
    complaint_id = (await opened(feedback))["id"]
    before = await read(feedback, complaint_id)
    await feedback.say(complaint_id)
    kept = await read(feedback, complaint_id)
    feedback.clock.advance(timedelta(hours=1))
    await feedback.say(complaint_id, "customer")
    waits = await read(feedback, complaint_id)
    await feedback.act(complaint_id, ComplaintAction.WITHDRAW, reason="x")
    over = await read(feedback, complaint_id)

    due = [answer["due_at"] for answer in (before, kept, waits, over)]
    assert due == ["2026-03-11T12:00:00Z", None, "2026-03-11T13:00:00Z", None]
    assert await feedback.drift() == []


@pytest.mark.both_databases
async def test_a_copy_is_kept_by_what_was_updated_since(feedback: Feedback) -> None:
    first, second = [(await opened(feedback))["id"] for _ in range(2)]
    feedback.clock.advance(timedelta(hours=25))
    since = f"{feedback.clock.now():%Y-%m-%dT%H:%M:%SZ}"
    assert await listed(feedback, updated_since=since) == []
    await feedback.say(first)
    assert await listed(feedback, updated_since=since) == [first]
    feedback.clock.advance(timedelta(seconds=1))
    await feedback.fire()
    assert await listed(feedback, updated_since=since, sort="updated_at") == [first, second]
    assert (await read(feedback, second))["updated_at"] == "2026-03-11T13:00:01Z"


async def test_a_cursor_is_of_its_sort_alone(feedback: Feedback) -> None:
    for _ in range(2):
        await opened(feedback)
    async with feedback.operator() as agent:
        page = (await agent.get(OPEN, params={"sort": "due_at", "limit": 1})).json()
        other = await agent.get(OPEN, params={"sort": "-due_at", "cursor": page["next_cursor"]})
        unknown = await agent.get(OPEN, params={"sort": "title"})
    assert (other.status_code, other.json()["code"]) == (422, "cursor_invalid")
    assert (unknown.status_code, unknown.json()["errors"][0]["pointer"]) == (422, "/query/sort")


@pytest.mark.own_database
@pytest.mark.postgresql
async def test_each_sort_reads_the_rows_of_its_page(tmp_path: Path) -> None:
    async with open_feedback("postgresql", tmp_path) as feedback:
        await stay_without_statistics(feedback.database)
        for _ in range(60):
            await feedback.open()
        for sort in complaints.SORTS.names:
            for selection in (ComplaintSelection(), ComplaintSelection(due_before=_far())):
                async with feedback.database.begin() as tx:
                    await take_indexes(tx)
                    before = await rows_read(tx)
                    page = await complaints.page(tx, selection, Slice(sort, None, 5))
                    after = await rows_read(tx)
                assert len(page) == 5
                if selection.due_before is None or sort.endswith("due_at"):
                    read_rows = {
                        table: count for table, count in (after - before).items() if count > ROWS_MAX
                    }
                    assert read_rows == {}, sort


def _far() -> datetime:
    return NOW + timedelta(days=5)
