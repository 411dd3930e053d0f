"""A list of complaints with a filter reads the rows of its page alone."""

from collections.abc import Mapping
from functools import partial
from pathlib import Path

import pytest
from sqlalchemy import update

from services.feedback.complaints.domain.selection import ComplaintSelection
from services.feedback.complaints.storage import complaints
from services.feedback.complaints.storage.tables import complaint
from shared.db import Slice
from tests.feedback.running import Feedback, open_feedback
from tests.parts.plans import PlannedRead
from tests.parts.rows_read import stay_without_statistics, too_many_rows

ROWS, PAGE, ROWS_MAX = 25, 5, 20
SELECTIONS: Mapping[str, ComplaintSelection] = {
    "complaint_status": ComplaintSelection(status="answered"),
    "complaint_owner": ComplaintSelection(owner="bo"),
    "complaint_opened_by": ComplaintSelection(opened_by="partner", opened_by_id="mart"),
}
SORTS = ("received_at", "-received_at")


@pytest.mark.own_database
@pytest.mark.postgresql
async def test_a_list_with_a_filter_reads_the_rows_of_its_page(tmp_path: Path) -> None:
    async with open_feedback("postgresql", tmp_path) as feedback:
        await stay_without_statistics(feedback.database)
        ids = [await feedback.open() for _ in range(3 * ROWS)]
        async with feedback.database.begin() as tx:
            await tx.execute(
                update(complaint)
                .where(complaint.c.id.in_(ids[ROWS : 2 * ROWS]))
                .values(status="answered", owner="bo", opened_by="partner", opened_by_id="mart")
            )
        for index, selection in SELECTIONS.items():
            for sort in SORTS:
                page = partial(complaints.page, selection=selection, asked=Slice(sort, None, PAGE))
                too_many = await too_many_rows(feedback.database, page, rows=PAGE, rows_max=ROWS_MAX)
                assert too_many == {}, f"{index}, {sort}"


@pytest.mark.parametrize("kind", ["sqlite"], indirect=True)
@pytest.mark.parametrize("index", SELECTIONS)
@pytest.mark.parametrize("sort", SORTS)
async def test_one_index_serves_a_filter_and_its_order(feedback: Feedback, index: str, sort: str) -> None:
    async with feedback.database.read() as read:
        planned = PlannedRead(read)
        await complaints.page(planned, SELECTIONS[index], Slice(sort, None, PAGE))
    ((first, *others),) = planned.plans
    assert f"USING INDEX {index} (" in first
    assert not [step for step in others if "TEMP B-TREE" in step]
