"""What people do with complaints, in one transaction each."""

import pytest

from services.feedback.complaints import refusals
from services.feedback.complaints.domain.machine import (
    Actor,
    ActorKind,
    ComplaintAction,
    ComplaintOutcome,
    FollowUpResult,
)
from services.feedback.complaints.storage.tables import complaint, message, transition
from services.feedback.complaints.usecases.take_action import FollowUp
from services.feedback.sla.storage.tables import sla_clock
from shared.events.feedback import ComplaintAnswered, ComplaintClosed, ComplaintOpened
from tests.feedback.running import MANAGER, NOW, Feedback, customer, merged


async def test_a_complaint_goes_its_way_and_every_step_is_told(feedback: Feedback) -> None:
    complaint_id = await feedback.open()
    await feedback.close(complaint_id)
    await feedback.act(complaint_id, ComplaintAction.REOPEN, reason="again")
    assert await feedback.told() == [
        "complaint_opened",
        "complaint_answered",
        "complaint_closed",
        "complaint_reopened",
    ]
    (closed,) = await feedback.published(ComplaintClosed)
    assert (closed.complaint_id, closed.outcome, closed.cycle) == (complaint_id, "satisfied", 1)
    assert await feedback.drift() == []


async def test_a_refused_action_leaves_nothing_behind(feedback: Feedback) -> None:
    complaint_id = await feedback.open()
    with pytest.raises(refusals.WrongState) as refused:
        await feedback.act(
            complaint_id, ComplaintAction.CLOSE, actor=MANAGER, outcome=ComplaintOutcome.SATISFIED
        )
    assert refused.value.extra["allowed"] == [
        "acknowledge",
        "start",
        "withdraw",
        "reject",
        "merge",
        "escalate",
    ]
    assert await feedback.count(transition) == 0
    assert await feedback.published(ComplaintClosed) == []


async def test_nothing_is_answered_before_a_person_has_written(feedback: Feedback) -> None:
    complaint_id = await feedback.open()
    await feedback.act(complaint_id, ComplaintAction.START)
    await feedback.say(complaint_id, "note")
    with pytest.raises(refusals.AnswerRequired):
        await feedback.act(complaint_id, ComplaintAction.ANSWER)
    await feedback.say(complaint_id)
    await feedback.act(complaint_id, ComplaintAction.ANSWER)
    assert len(await feedback.published(ComplaintAnswered)) == 1


async def test_an_answer_of_the_last_cycle_does_not_answer_this_one(feedback: Feedback) -> None:
    complaint_id = await feedback.open()
    await feedback.close(complaint_id)
    await feedback.act(complaint_id, ComplaintAction.REOPEN, reason="again")
    with pytest.raises(refusals.AnswerRequired):
        await feedback.act(complaint_id, ComplaintAction.ANSWER)


async def test_a_customer_counts_as_unreachable_after_three_attempts(feedback: Feedback) -> None:
    complaint_id = await feedback.open()
    await feedback.act(complaint_id, ComplaintAction.START)
    await feedback.say(complaint_id)
    await feedback.act(complaint_id, ComplaintAction.ANSWER)
    for _ in range(2):
        await feedback.act(
            complaint_id, ComplaintAction.FOLLOW_UP, follow_up=FollowUp("phone", FollowUpResult.UNREACHED)
        )
    with pytest.raises(refusals.AttemptsRequired):
        await feedback.act(complaint_id, ComplaintAction.CLOSE, outcome=ComplaintOutcome.UNREACHABLE)
    await feedback.act(
        complaint_id, ComplaintAction.FOLLOW_UP, follow_up=FollowUp("phone", FollowUpResult.UNREACHED)
    )
    await feedback.act(complaint_id, ComplaintAction.CLOSE, outcome=ComplaintOutcome.UNREACHABLE)
    (row,) = await feedback.rows(complaint)
    assert (row.status, row.outcome) == ("closed", "unreachable")


async def test_nobody_but_the_customer_says_that_it_was_put_right(feedback: Feedback) -> None:
    complaint_id = await feedback.open()
    await feedback.act(complaint_id, ComplaintAction.START)
    await feedback.say(complaint_id)
    await feedback.act(complaint_id, ComplaintAction.ANSWER)

    async def ask(result: FollowUpResult) -> None:
        await feedback.act(complaint_id, ComplaintAction.FOLLOW_UP, follow_up=FollowUp("phone", result))

    await ask(FollowUpResult.UNREACHED)
    with pytest.raises(refusals.AnswerOfCustomerRequired):
        await feedback.act(complaint_id, ComplaintAction.CLOSE, outcome=ComplaintOutcome.SATISFIED)
    await ask(FollowUpResult.SATISFIED)
    await ask(FollowUpResult.NOT_SATISFIED)
    await ask(FollowUpResult.UNREACHED)
    with pytest.raises(refusals.CustomerNotSatisfied):
        await feedback.act(complaint_id, ComplaintAction.CLOSE, outcome=ComplaintOutcome.SATISFIED)
    await ask(FollowUpResult.PARTLY)
    await feedback.act(complaint_id, ComplaintAction.CLOSE, outcome=ComplaintOutcome.SATISFIED)
    (row,) = await feedback.rows(complaint)
    assert row.outcome == "satisfied"


async def test_a_customers_message_ends_waiting(feedback: Feedback) -> None:
    complaint_id = await feedback.open()
    await feedback.act(complaint_id, ComplaintAction.START)
    await feedback.say(complaint_id)
    await feedback.act(complaint_id, ComplaintAction.WAIT_CUSTOMER, reason="needs a photograph")
    await feedback.say(complaint_id, "customer")
    (row,) = await feedback.rows(complaint)
    assert row.status == "in_progress"
    (resumed,) = await feedback.rows(transition, transition.c.action == "resume")
    assert resumed.actor_kind == "system"
    assert await feedback.drift() == []


async def test_a_merge_closes_the_duplicate_and_the_earlier_contact_counts(feedback: Feedback) -> None:
    who = customer()
    first = await feedback.open(who)
    feedback.clock.advance(feedback.settings.remedy_deadline)
    second = await feedback.open(who)
    await feedback.act(first, ComplaintAction.MERGE, duplicate_of=second)
    clocks = {row.complaint_id: row for row in await feedback.rows(sla_clock)}
    assert (clocks[first].verdict, clocks[first].cancelled_reason) == ("cancelled", "merged")
    assert clocks[second].started_at == NOW
    (row,) = await feedback.rows(complaint, complaint.c.id == first)
    assert (row.outcome, row.duplicate_of) == ("duplicate", second)
    assert await feedback.drift() == []


async def test_complaints_of_two_customers_are_merged_only_when_these_are_one(feedback: Feedback) -> None:
    one, other = customer(), customer()
    source, target = await feedback.open(one), await feedback.open(other)
    with pytest.raises(refusals.TargetOfOtherCustomer):
        await feedback.act(source, ComplaintAction.MERGE, duplicate_of=target)
    await feedback.deliver(merged(one, into=other))
    await feedback.act(source, ComplaintAction.MERGE, duplicate_of=target)


async def test_a_merge_into_nothing_is_refused(feedback: Feedback) -> None:
    complaint_id = await feedback.open()
    with pytest.raises(refusals.TargetRequired):
        await feedback.act(complaint_id, ComplaintAction.MERGE, duplicate_of="cmp_none")


async def test_a_manager_rejects_spam_without_a_word(feedback: Feedback) -> None:
    complaint_id = await feedback.open()
    with pytest.raises(refusals.NotForThisActor):
        await feedback.act(complaint_id, ComplaintAction.REJECT, reason="spam")
    await feedback.act(complaint_id, ComplaintAction.REJECT, reason="spam", actor=MANAGER)
    (row,) = await feedback.rows(complaint)
    assert row.outcome == "rejected"


async def test_a_customer_who_refuses_the_answer_opens_the_next_review(feedback: Feedback) -> None:
    who = customer()
    complaint_id = await feedback.open(who)
    await feedback.act(complaint_id, ComplaintAction.START)
    await feedback.say(complaint_id)
    await feedback.act(complaint_id, ComplaintAction.ANSWER)
    await feedback.act(
        complaint_id, ComplaintAction.REFUSE_ANSWER, reason="no", actor=Actor(ActorKind.CUSTOMER, who)
    )
    (row,) = await feedback.rows(complaint)
    assert (row.status, row.review_level, row.owner) == ("in_progress", 1, None)


async def test_the_event_of_a_new_complaint_names_its_contact_and_no_word_of_it(feedback: Feedback) -> None:
    await feedback.open(title="a secret word", body="another secret word")
    (opened,) = await feedback.published(ComplaintOpened)
    assert (opened.contact_at, opened.opened_by, opened.status) == (NOW, "agent", "received")
    assert "secret" not in opened.model_dump_json()


async def test_what_people_write_is_nowhere_readable_in_the_database(feedback: Feedback) -> None:
    complaint_id = await feedback.open(title="a secret word", body="a secret word")
    await feedback.act(complaint_id, ComplaintAction.START, reason="a secret word")
    for table in (complaint, message, transition):
        assert "secret" not in str([tuple(row) for row in await feedback.rows(table)])


async def test_numbers_are_short_readable_and_unique(feedback: Feedback) -> None:
    for _ in range(20):
        await feedback.open()
    numbers = {row.number for row in await feedback.rows(complaint)}
    assert len(numbers) == 20
    assert all(number.startswith("C-260310-") and len(number) == 14 for number in numbers)
