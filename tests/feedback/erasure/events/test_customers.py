"""An erased customer is forgotten."""

from datetime import timedelta

import pytest

from services.feedback.complaints import refusals
from services.feedback.complaints.storage.tables import complaint
from shared.events.feedback import FeedbackErasureDone
from shared.vault import subject_key
from tests.feedback.running import Feedback, customer, erased


async def test_an_erased_customer_becomes_unreadable_and_their_complaints_end(feedback: Feedback) -> None:
    who = customer()
    complaint_id = await feedback.open(who)
    await feedback.say(complaint_id, "customer")
    await feedback.deliver(erased(who))
    (row,) = await feedback.rows(complaint)
    assert (row.status, row.outcome) == ("closed", "withdrawn")
    assert await feedback.count(subject_key) == 0
    (done,) = await feedback.published(FeedbackErasureDone)
    assert done.identity_id == who
    assert {(wiped.kind, wiped.count) for wiped in done.wiped} == {("subject_key", 1), ("complaint_text", 1)}
    with pytest.raises(refusals.CustomerErased):
        await feedback.say(complaint_id, "customer")
    with pytest.raises(refusals.CustomerErased):
        await feedback.open(who)
    feedback.clock.advance(timedelta(days=2))
    assert await feedback.fire() == 0
    assert await feedback.drift() == []
