"""`huitou verify` and the running verification find a contradiction that was planted behind the service's back."""

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import select, text

from services.feedback.complaints.invariants import CLOCK_OF_COMPLAINT
from services.feedback.sla.storage.tables import ClockEventRecord, sla_event
from shared.db import columns_of
from tests.feedback.running import Feedback
from tests.parts.looking import looked_through


@pytest.mark.parametrize(
    ("rule", "statement"),
    [
        ("complaint_is_where_its_last_transition_led", "UPDATE complaint SET cycle = 7"),
        ("identity_is_registered", "DELETE FROM identity"),
        ("clock_follows_from_its_facts", "UPDATE sla_clock SET cancelled_reason = 'erased'"),
        (
            "clock_belongs_to_a_complaint",
            "UPDATE sla_clock SET complaint_id = 'cmp_0' WHERE complaint_id = (SELECT min(id) FROM complaint)",
        ),
        (
            "clock_belongs_to_a_complaint",
            "UPDATE sla_clock SET complaint_id = 'cmp_z' WHERE complaint_id = (SELECT max(id) FROM complaint)",
        ),
    ],
)
async def test_each_contradiction_is_found(feedback: Feedback, rule: str, statement: str) -> None:
    for _ in range(3):
        await feedback.open()
    assert await feedback.drift() == []
    async with feedback.database.begin() as tx:
        await tx.execute(text(statement))

    found = await feedback.drift()
    assert rule in {drift.rule for drift in found}
    async with feedback.database.read() as read:
        assert set(await looked_through(read, feedback.service.invariants)) == set(found)


async def test_a_notice_without_its_complaint_is_found(feedback: Feedback) -> None:
    await feedback.open()
    feedback.clock.advance(timedelta(days=30))
    await feedback.fire()
    async with feedback.database.begin() as tx:
        notice = await tx.read_record(ClockEventRecord, select(*columns_of(sla_event, ClockEventRecord)))
        assert notice is not None, "a promise was broken"
        await tx.insert_records(sla_event, [replace(notice, complaint_id="cmp_z")])

    found = await feedback.drift()
    assert [(drift.rule, drift.subject) for drift in found] == [(CLOCK_OF_COMPLAINT, "cmp_z")]
    async with feedback.database.read() as read:
        assert await looked_through(read, feedback.service.invariants) == found
