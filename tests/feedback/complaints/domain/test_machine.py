"""The machine: which of the 112 pairs are legal, what each guard asks for, and that everything can end."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from services.feedback.complaints import refusals
from services.feedback.complaints.domain.machine import (
    ROWS,
    Actor,
    ActorKind,
    Asked,
    Case,
    ComplaintAction,
    ComplaintOutcome,
    ComplaintStatus,
    FollowUpResult,
    Target,
    allowed,
    decide,
)
from shared.errors import DomainError

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
AGENT = Actor(ActorKind.AGENT, "ana")
MANAGER = Actor(ActorKind.MANAGER, "max")
CUSTOMER = Actor(ActorKind.CUSTOMER, "cus_1")
CASE = Case("cmp_1", ComplaintStatus.RECEIVED, None, None, 1, 0, 0)
READY = replace(CASE, owner="bob", visible_messages=1, follow_ups=4, unreached=3, closed_at=NOW)
TARGET = Target("cmp_2", open=True, same_customer=True)


def ask(action: ComplaintAction, actor: Actor = MANAGER, **more: Any) -> Asked:
    """The action with everything it needs."""
    asked = Asked(
        action,
        actor,
        NOW,
        reason="because",
        outcome=ComplaintOutcome.SATISFIED if action is ComplaintAction.CLOSE else None,
        target=TARGET if action is ComplaintAction.MERGE else None,
        unreached=False if action is ComplaintAction.FOLLOW_UP else None,
    )
    return replace(asked, **more)


def test_40_of_112_pairs_are_legal_and_every_other_one_names_those_that_are() -> None:
    legal = 0
    for status in ComplaintStatus:
        for action in ComplaintAction:
            case = replace(
                READY,
                status=status,
                outcome=ComplaintOutcome.SATISFIED if status is ComplaintStatus.CLOSED else None,
            )
            if action in allowed(status):
                legal += 1
                decide(case, ask(action))
            else:
                with pytest.raises(refusals.WrongState) as refused:
                    decide(case, ask(action))
                assert refused.value.extra["allowed"] == allowed(status)
    assert (legal, len(ComplaintStatus) * len(ComplaintAction)) == (40, 112)


def test_every_state_is_reached_and_every_state_can_end() -> None:
    reached = {ComplaintStatus.RECEIVED}
    while True:
        more = {ROWS[action].to or status for status in reached for action in allowed(status)}
        if more <= reached:
            break
        reached |= more
    assert reached == set(ComplaintStatus)
    assert all(
        ComplaintAction.WITHDRAW in allowed(status)
        for status in set(ComplaintStatus) - {ComplaintStatus.CLOSED}
    )


def test_whoever_starts_a_complaint_without_an_owner_becomes_it() -> None:
    assert decide(CASE, ask(ComplaintAction.START, AGENT)).owner == "ana"
    assert decide(replace(CASE, owner="bob"), ask(ComplaintAction.START, AGENT)).owner == "bob"
    assert decide(CASE, ask(ComplaintAction.START, AGENT, owner="cem")).owner == "cem"


@pytest.mark.parametrize(
    ("case", "asked", "refusal"),
    [
        (
            replace(READY, status=ComplaintStatus.IN_PROGRESS, visible_messages=0),
            ask(ComplaintAction.ANSWER),
            refusals.AnswerRequired,
        ),
        (
            replace(READY, status=ComplaintStatus.IN_PROGRESS, visible_messages=0),
            ask(ComplaintAction.WAIT_CUSTOMER),
            refusals.MessageRequired,
        ),
        (
            replace(READY, status=ComplaintStatus.IN_PROGRESS),
            ask(ComplaintAction.WAIT_CUSTOMER, reason=" "),
            refusals.ReasonRequired,
        ),
        (
            replace(READY, status=ComplaintStatus.IN_PROGRESS),
            ask(ComplaintAction.WAIT_THIRD_PARTY, reason=None),
            refusals.ReasonRequired,
        ),
        (
            replace(READY, status=ComplaintStatus.ANSWERED),
            ask(ComplaintAction.FOLLOW_UP, unreached=None),
            refusals.FollowUpRequired,
        ),
        (
            replace(READY, status=ComplaintStatus.FOLLOWING_UP, follow_ups=0),
            ask(ComplaintAction.CLOSE),
            refusals.FollowUpRequired,
        ),
        (
            replace(READY, status=ComplaintStatus.FOLLOWING_UP),
            ask(ComplaintAction.CLOSE, outcome=None),
            refusals.OutcomeRequired,
        ),
        (
            replace(READY, status=ComplaintStatus.FOLLOWING_UP),
            ask(ComplaintAction.CLOSE, outcome=ComplaintOutcome.REJECTED),
            refusals.OutcomeRequired,
        ),
        (
            replace(READY, status=ComplaintStatus.FOLLOWING_UP, unreached=2),
            ask(ComplaintAction.CLOSE, outcome=ComplaintOutcome.UNREACHABLE),
            refusals.AttemptsRequired,
        ),
        *(
            (
                replace(
                    READY, status=ComplaintStatus.FOLLOWING_UP, follow_ups=unreached, unreached=unreached
                ),
                ask(ComplaintAction.CLOSE, outcome=outcome),
                refusals.AnswerOfCustomerRequired,
            )
            for outcome in (
                ComplaintOutcome.SATISFIED,
                ComplaintOutcome.NOT_SATISFIED,
                ComplaintOutcome.WON_BACK,
            )
            for unreached in (1, 3)
        ),
        (
            replace(READY, status=ComplaintStatus.FOLLOWING_UP, last_answer=FollowUpResult.NOT_SATISFIED),
            ask(ComplaintAction.CLOSE),
            refusals.CustomerNotSatisfied,
        ),
        (
            replace(READY, status=ComplaintStatus.ANSWERED, review_level=3),
            ask(ComplaintAction.REFUSE_ANSWER),
            refusals.ReviewLevelsExhausted,
        ),
        (
            replace(READY, status=ComplaintStatus.ANSWERED, owner="max"),
            ask(ComplaintAction.REFUSE_ANSWER),
            refusals.OtherOwnerRequired,
        ),
        (
            replace(READY, visible_messages=0),
            ask(ComplaintAction.REJECT, reason="unfounded"),
            refusals.MessageRequired,
        ),
        (READY, ask(ComplaintAction.REJECT, AGENT), refusals.NotForThisActor),
        (READY, ask(ComplaintAction.START, CUSTOMER), refusals.NotForThisActor),
        (READY, ask(ComplaintAction.MERGE, target=None), refusals.TargetRequired),
        (READY, ask(ComplaintAction.MERGE, target=replace(TARGET, id="cmp_1")), refusals.TargetRequired),
        (READY, ask(ComplaintAction.MERGE, target=replace(TARGET, open=False)), refusals.TargetNotOpen),
        (
            READY,
            ask(ComplaintAction.MERGE, target=replace(TARGET, same_customer=False)),
            refusals.TargetOfOtherCustomer,
        ),
        (
            replace(READY, status=ComplaintStatus.CLOSED, outcome=ComplaintOutcome.DUPLICATE),
            ask(ComplaintAction.REOPEN),
            refusals.DuplicateStaysClosed,
        ),
        (
            replace(READY, status=ComplaintStatus.CLOSED, closed_at=NOW - timedelta(days=30, seconds=1)),
            ask(ComplaintAction.REOPEN),
            refusals.ReopenTooLate,
        ),
    ],
)
def test_a_guard_says_with_its_own_code_what_is_missing(
    case: Case, asked: Asked, refusal: type[DomainError]
) -> None:
    with pytest.raises(refusal):
        decide(case, asked)


@pytest.mark.parametrize(
    ("status", "action"),
    [
        (ComplaintStatus.IN_PROGRESS, ComplaintAction.WAIT_CUSTOMER),
        (ComplaintStatus.IN_PROGRESS, ComplaintAction.WAIT_THIRD_PARTY),
        (ComplaintStatus.IN_PROGRESS, ComplaintAction.ANSWER),
        (ComplaintStatus.IN_PROGRESS, ComplaintAction.REJECT),
        (ComplaintStatus.FOLLOWING_UP, ComplaintAction.CLOSE),
    ],
)
def test_nobody_ends_the_promise_of_a_reply_while_the_customer_waits_for_one(
    status: ComplaintStatus, action: ComplaintAction
) -> None:
    case, asked = replace(READY, status=status), replace(ask(action), reason="unfounded")
    decide(case, asked)
    with pytest.raises(refusals.CustomerWaits):
        decide(case, replace(asked, customer_waits=True))


def test_spam_is_rejected_although_its_sender_waits() -> None:
    spam = replace(ask(ComplaintAction.REJECT, reason="spam"), customer_waits=True)
    assert decide(READY, spam).outcome is ComplaintOutcome.REJECTED


def test_spam_is_rejected_without_writing_to_anyone() -> None:
    closed = decide(replace(READY, visible_messages=0), ask(ComplaintAction.REJECT, reason="spam"))
    assert (closed.status, closed.outcome) == (ComplaintStatus.CLOSED, ComplaintOutcome.REJECTED)


def test_a_refused_answer_opens_the_next_review_level_with_another_owner() -> None:
    reviewed = decide(
        replace(READY, status=ComplaintStatus.ANSWERED), ask(ComplaintAction.REFUSE_ANSWER, AGENT)
    )
    assert (reviewed.status, reviewed.review_level, reviewed.owner) == (ComplaintStatus.IN_PROGRESS, 1, "ana")


def test_a_customer_who_refuses_the_answer_sends_it_back_to_the_queue() -> None:
    reviewed = decide(
        replace(READY, status=ComplaintStatus.ANSWERED), ask(ComplaintAction.REFUSE_ANSWER, CUSTOMER)
    )
    assert (reviewed.review_level, reviewed.owner) == (1, None)


def test_a_reopening_starts_the_next_cycle() -> None:
    closed = replace(
        READY,
        status=ComplaintStatus.CLOSED,
        outcome=ComplaintOutcome.SATISFIED,
        review_level=2,
        closed_at=NOW,
    )
    reopened = decide(closed, replace(ask(ComplaintAction.REOPEN), at=NOW + timedelta(days=30)))
    assert (reopened.status, reopened.cycle, reopened.outcome, reopened.review_level) == (
        ComplaintStatus.IN_PROGRESS,
        2,
        None,
        0,
    )


def test_escalating_changes_the_level_and_not_the_state() -> None:
    escalated = decide(READY, ask(ComplaintAction.ESCALATE, Actor(ActorKind.SYSTEM, "sla")))
    assert (escalated.status, escalated.escalation_level) == (ComplaintStatus.RECEIVED, 1)


def test_a_customer_is_told_only_of_what_a_customer_may_do() -> None:
    assert allowed(ComplaintStatus.ANSWERED, ActorKind.CUSTOMER) == [
        ComplaintAction.REFUSE_ANSWER,
        ComplaintAction.WITHDRAW,
    ]


@pytest.mark.parametrize(
    "asked",
    [
        ask(ComplaintAction.START, outcome=ComplaintOutcome.SATISFIED),
        ask(ComplaintAction.START, target=TARGET),
        ask(ComplaintAction.START, unreached=True),
        ask(ComplaintAction.WITHDRAW, CUSTOMER, owner="ana"),
    ],
)
def test_what_an_action_has_no_use_for_is_refused(asked: Asked) -> None:
    with pytest.raises(refusals.NotUsedHere):
        decide(READY, asked)
