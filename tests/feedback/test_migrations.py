"""What the migration leaves behind beyond the declared tables."""

import pytest
from sqlalchemy import delete, update
from sqlalchemy.exc import DBAPIError

from services.feedback.complaints.domain.machine import Action
from services.feedback.complaints.storage.tables import complaint, transition
from services.feedback.sla.domain.policy import Attributes, Metric
from services.feedback.sla.storage import rules
from services.feedback.sla.storage.tables import calendar, sla_event, sla_policy
from tests.feedback.running import NOW, Feedback


async def test_one_calendar_and_one_promise_are_there_from_the_start(feedback: Feedback) -> None:
    assert (await feedback.count(calendar), await feedback.count(sla_policy)) == (1, 1)
    async with feedback.database.read() as read:
        goals = (await rules.load(read)).goals(Attributes("web", "normal"), NOW)
    assert list(goals) == [Metric.FIRST_RESPONSE]
    assert (goals[Metric.FIRST_RESPONSE].promise.seconds, goals[Metric.FIRST_RESPONSE].calendar.id) == (
        86_400,
        "24x7",
    )


@pytest.mark.parametrize(
    "statement",
    [
        delete(transition),
        update(transition).values(action="start"),
        update(sla_event).values(reason="x"),
        update(complaint).values(contact_at=NOW.replace(year=2020)),
        delete(complaint),
        update(complaint).values(status="closed"),
    ],
)
async def test_the_database_itself_keeps_what_was_written(feedback: Feedback, statement: object) -> None:
    complaint_id = await feedback.open(contact_at=NOW.replace(day=8))
    await feedback.act(complaint_id, Action.START)
    with pytest.raises(DBAPIError):
        async with feedback.database.begin() as tx:
            await tx.execute(statement)  # type: ignore[arg-type]
