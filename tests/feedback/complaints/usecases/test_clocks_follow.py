"""Clocks follow the actions on a complaint, as far as these concern them."""

import pytest

from services.feedback.complaints.domain.machine import ComplaintAction
from services.feedback.complaints.domain.milestones import MILESTONES
from services.feedback.sla.storage.tables import sla_clock
from tests.feedback.running import Feedback


@pytest.mark.parametrize("action", [ComplaintAction.ACKNOWLEDGE, ComplaintAction.START])
async def test_45_a_change_of_status_answers_nothing(feedback: Feedback, action: ComplaintAction) -> None:
    complaint_id = await feedback.open()
    await feedback.act(complaint_id, action)
    (clock,) = await feedback.rows(sla_clock)
    assert clock.verdict == "running"


def test_every_other_action_is_a_milestone_of_its_clocks() -> None:
    assert set(ComplaintAction) - set(MILESTONES) == {
        ComplaintAction.ACKNOWLEDGE,
        ComplaintAction.START,
        ComplaintAction.ESCALATE,
    }
