"""Whatever state a complaint is in, a customer's message is answered by somebody: a promise runs."""

import asyncio
from datetime import timedelta

import pytest
from sqlalchemy import text

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
from shared.events.feedback import ComplaintOpened, ComplaintReopened
from tests.feedback.running import MANAGER, NOW, Feedback, customer, merged

DAY = timedelta(days=1)
MONTH = timedelta(days=30)
SECOND = timedelta(seconds=1)


async def running(feedback: Feedback, complaint_id: str) -> list[str]:
    """The responses that a customer is promised on a complaint and waits for."""
    clocks = await feedback.rows(sla_clock, sla_clock.c.complaint_id == complaint_id)
    return [f"{row.metric} {row.cycle}" for row in clocks if row.verdict == "running"]


async def on(feedback: Feedback, message_id: str) -> str:
    """The complaint that a message is on."""
    (row,) = await feedback.rows(message, message.c.id == message_id)
    complaint_id: str = row.complaint_id
    return complaint_id


async def test_a_message_after_the_first_answer_is_promised_an_answer(feedback: Feedback) -> None:
    complaint_id = await feedback.open()
    await feedback.say(complaint_id)
    assert await running(feedback, complaint_id) == []
    await feedback.say(complaint_id, "customer")
    assert await running(feedback, complaint_id) == ["next_response 1"]
    assert await feedback.drift() == []


async def test_a_message_on_a_closed_complaint_reopens_it(feedback: Feedback) -> None:
    complaint_id = await feedback.open()
    await feedback.close(complaint_id)
    feedback.clock.advance(MONTH)
    message_id = await feedback.say(complaint_id, "customer")
    (row,) = await feedback.rows(complaint)
    assert (row.status, row.cycle, row.outcome) == ("in_progress", 2, None)
    (said,) = await feedback.rows(message, message.c.id == message_id)
    assert (said.complaint_id, said.cycle) == (complaint_id, 2)
    assert await running(feedback, complaint_id) == ["first_response 2"]
    assert len(await feedback.published(ComplaintReopened)) == 1
    assert await feedback.drift() == []


@pytest.mark.parametrize("end", [ComplaintAction.WITHDRAW, ComplaintAction.REJECT])
async def test_however_it_ended_a_message_reopens_it(feedback: Feedback, end: ComplaintAction) -> None:
    complaint_id = await feedback.open()
    await feedback.act(complaint_id, end, reason="spam", actor=MANAGER)
    await feedback.say(complaint_id, "customer", by="customer")
    assert await running(feedback, complaint_id) == ["first_response 2"]


async def test_what_the_staff_writes_on_a_closed_complaint_reopens_nothing(feedback: Feedback) -> None:
    complaint_id = await feedback.open()
    await feedback.close(complaint_id)
    await feedback.say(complaint_id)
    await feedback.say(complaint_id, "note")
    (row,) = await feedback.rows(complaint)
    assert row.status == "closed"


async def test_a_message_that_is_written_down_later_is_promised_an_answer_from_its_own_time(
    feedback: Feedback,
) -> None:
    complaint_id = await feedback.open()
    await feedback.close(complaint_id)
    feedback.clock.advance(DAY)
    await feedback.say(complaint_id, "customer", occurred_at=NOW + timedelta(hours=12))
    (clock,) = await feedback.rows(sla_clock, sla_clock.c.cycle == 2)
    assert (clock.started_at, clock.due_at) == (NOW + timedelta(hours=12), NOW + timedelta(hours=36))
    assert await feedback.drift() == []


async def test_a_message_too_late_to_reopen_opens_a_complaint_that_follows(feedback: Feedback) -> None:
    complaint_id = await feedback.open(title="The kettle leaks")
    await feedback.close(complaint_id)
    feedback.clock.advance(MONTH + SECOND)
    follower = await on(feedback, await feedback.say(complaint_id, "customer", by="customer"))
    (row,) = await feedback.rows(complaint, complaint.c.id == follower)
    assert (row.follows, row.status, row.opened_by) == (complaint_id, "received", "customer")
    assert await running(feedback, follower) == ["first_response 1"]
    assert len(await feedback.published(ComplaintOpened)) == 2

    # The next message goes there too, also after that one was closed.
    assert await on(feedback, await feedback.say(complaint_id, "customer")) == follower
    await feedback.close(follower)
    assert await on(feedback, await feedback.say(complaint_id, "customer")) == follower
    assert await running(feedback, follower) == ["first_response 2"]
    assert await feedback.count(complaint) == 2
    assert await feedback.drift() == []


async def test_two_late_messages_at_once_open_one_complaint(feedback: Feedback) -> None:
    complaint_id = await feedback.open()
    await feedback.close(complaint_id)
    feedback.clock.advance(MONTH + SECOND)
    await asyncio.gather(*(feedback.say(complaint_id, "customer") for _ in range(4)))
    assert await feedback.count(complaint) == 2
    assert await feedback.count(message, message.c.kind == "customer") == 4
    assert await feedback.drift() == []


async def test_a_message_on_a_merged_complaint_goes_where_the_complaint_went(feedback: Feedback) -> None:
    who = customer()
    first, second, third = [await feedback.open(who) for _ in range(3)]
    await feedback.act(first, ComplaintAction.MERGE, duplicate_of=second)
    await feedback.act(second, ComplaintAction.MERGE, duplicate_of=third)
    await feedback.say(third)
    assert await on(feedback, await feedback.say(first, "customer")) == third
    assert await running(feedback, third) == ["next_response 1"]
    await feedback.close(third)
    assert await on(feedback, await feedback.say(second, "customer")) == third
    assert await running(feedback, third) == ["first_response 2"]
    assert await feedback.drift() == []


async def test_a_message_does_not_follow_a_merge_to_another_customer(feedback: Feedback) -> None:
    one, other = customer(), customer()
    await feedback.deliver(merged(one, into=other))
    source, target = await feedback.open(one), await feedback.open(other)
    await feedback.act(source, ComplaintAction.MERGE, duplicate_of=target)
    await feedback.deliver(merged(one, into=one, version=2))
    follower = await on(feedback, await feedback.say(source, "customer"))
    (row,) = await feedback.rows(complaint, complaint.c.id == follower)
    assert (row.identity_id, row.follows) == (one, source)


async def test_a_customer_who_waits_ends_the_waiting_of_the_complaint_that_goes_on(
    feedback: Feedback,
) -> None:
    who = customer()
    target = await feedback.open(who)
    await feedback.act(target, ComplaintAction.START)
    await feedback.say(target)
    await feedback.act(target, ComplaintAction.WAIT_CUSTOMER, reason="needs a photograph")
    feedback.clock.advance(SECOND)
    source = await feedback.open(who)
    feedback.clock.advance(SECOND)
    await feedback.act(source, ComplaintAction.MERGE, duplicate_of=target)
    (row,) = await feedback.rows(complaint, complaint.c.id == target)
    assert row.status == "in_progress"
    assert await running(feedback, target) == ["next_response 1"]
    assert await feedback.drift() == []


@pytest.mark.parametrize("kind", [ActorKind.CUSTOMER, ActorKind.AGENT])
async def test_a_customer_who_refuses_the_answer_is_promised_the_next_one(
    feedback: Feedback, kind: ActorKind
) -> None:
    """An agent books the refusal of a customer who called."""
    who = customer()
    complaint_id = await feedback.open(who)
    await feedback.act(complaint_id, ComplaintAction.START)
    await feedback.say(complaint_id)
    await feedback.act(complaint_id, ComplaintAction.ANSWER)
    feedback.clock.advance(SECOND)
    await feedback.act(complaint_id, ComplaintAction.REFUSE_ANSWER, reason="it drips", actor=Actor(kind, who))
    assert await running(feedback, complaint_id) == ["next_response 1"]
    with pytest.raises(refusals.CustomerWaits):
        await feedback.act(complaint_id, ComplaintAction.ANSWER)
    feedback.clock.advance(SECOND)
    await feedback.say(complaint_id)
    await feedback.act(complaint_id, ComplaintAction.ANSWER)
    assert await feedback.drift() == []


@pytest.mark.parametrize(
    "outcome", [ComplaintOutcome.SATISFIED, ComplaintOutcome.WON_BACK, ComplaintOutcome.UNREACHABLE]
)
async def test_a_complaint_is_not_closed_over_a_message_that_nobody_answered(
    feedback: Feedback, outcome: ComplaintOutcome
) -> None:
    complaint_id = await feedback.open()
    await feedback.act(complaint_id, ComplaintAction.START)
    await feedback.say(complaint_id)
    await feedback.act(complaint_id, ComplaintAction.ANSWER)
    for result in (FollowUpResult.SATISFIED, *[FollowUpResult.UNREACHED] * 3):
        await feedback.act(complaint_id, ComplaintAction.FOLLOW_UP, follow_up=FollowUp("phone", result))
    feedback.clock.advance(SECOND)
    await feedback.say(complaint_id, "customer")

    with pytest.raises(refusals.CustomerWaits):
        await feedback.act(complaint_id, ComplaintAction.CLOSE, outcome=outcome)

    assert await running(feedback, complaint_id) == ["next_response 1"]
    feedback.clock.advance(SECOND)
    await feedback.say(complaint_id)
    await feedback.act(complaint_id, ComplaintAction.CLOSE, outcome=outcome)
    assert await feedback.drift() == []


@pytest.mark.parametrize(
    ("rule", "statement"),
    [
        ("promise_runs_while_the_customer_waits", "DELETE FROM sla_clock WHERE metric = 'next_response'"),
        (
            "promise_runs_while_the_customer_waits",
            "UPDATE sla_clock SET cancelled_reason = 'answered' WHERE metric = 'next_response'",
        ),
        (
            "message_of_a_customer_is_taken_up",
            "UPDATE complaint SET status = 'closed', outcome = 'satisfied', closed_at = received_at",
        ),
    ],
)
async def test_verify_finds_a_customer_whom_nobody_answers(
    feedback: Feedback, rule: str, statement: str
) -> None:
    complaint_id = await feedback.open()
    await feedback.say(complaint_id)
    feedback.clock.advance(SECOND)
    await feedback.say(complaint_id, "customer")
    assert await feedback.drift() == []
    async with feedback.database.begin() as tx:
        await tx.execute(text(statement))
    assert rule in {drift.rule for drift in await feedback.drift()}


async def test_the_system_reopens_and_says_why(feedback: Feedback) -> None:
    complaint_id = await feedback.open()
    await feedback.close(complaint_id)
    await feedback.say(complaint_id, "customer")
    (reopened,) = await feedback.rows(transition, transition.c.action == "reopen")
    assert (reopened.actor_kind, reopened.actor) == ("system", "customer_message")
