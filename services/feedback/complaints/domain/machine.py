"""The state machine of a complaint: 14 actions over 8 states, 40 legal pairs, along the path of ISO 10002."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from services.feedback.complaints.refusals import (
    AnswerOfCustomerRequired,
    AnswerRequired,
    AttemptsRequired,
    CustomerNotSatisfied,
    CustomerWaits,
    DuplicateStaysClosed,
    FollowUpRequired,
    MessageRequired,
    NotForThisActor,
    NotUsedHere,
    OtherOwnerRequired,
    OutcomeRequired,
    ReasonRequired,
    ReopenTooLate,
    ReviewLevelsExhausted,
    TargetNotOpen,
    TargetOfOtherCustomer,
    TargetRequired,
    WrongState,
)

REVIEW_LEVEL_MAX: Final = 3
UNREACHED_ATTEMPTS_MIN: Final = 3
REOPEN_WITHIN: Final = timedelta(days=30)
SPAM: Final = "spam"


class ComplaintStatus(StrEnum):
    """The state of a complaint."""

    RECEIVED = "received"
    ACKNOWLEDGED = "acknowledged"
    IN_PROGRESS = "in_progress"
    WAITING_CUSTOMER = "waiting_customer"
    WAITING_THIRD_PARTY = "waiting_third_party"
    ANSWERED = "answered"
    FOLLOWING_UP = "following_up"
    CLOSED = "closed"


class ComplaintAction(StrEnum):
    """Something that a person or the system does to a complaint."""

    ACKNOWLEDGE = "acknowledge"
    START = "start"
    WAIT_CUSTOMER = "wait_customer"
    WAIT_THIRD_PARTY = "wait_third_party"
    RESUME = "resume"
    ANSWER = "answer"
    FOLLOW_UP = "follow_up"
    REFUSE_ANSWER = "refuse_answer"
    CLOSE = "close"
    WITHDRAW = "withdraw"
    REJECT = "reject"
    MERGE = "merge"
    ESCALATE = "escalate"
    REOPEN = "reopen"


class ComplaintOutcome(StrEnum):
    """The end of a closed complaint."""

    WON_BACK = "won_back"
    SATISFIED = "satisfied"
    NOT_SATISFIED = "not_satisfied"
    UNREACHABLE = "unreachable"
    WITHDRAWN = "withdrawn"
    REJECTED = "rejected"
    DUPLICATE = "duplicate"


class CloseOutcome(StrEnum):
    """An outcome that somebody who closes a complaint may choose."""

    SATISFIED = ComplaintOutcome.SATISFIED.value
    NOT_SATISFIED = ComplaintOutcome.NOT_SATISFIED.value
    WON_BACK = ComplaintOutcome.WON_BACK.value
    UNREACHABLE = ComplaintOutcome.UNREACHABLE.value


class FollowUpResult(StrEnum):
    """The answer of a customer who was asked whether the complaint was put right."""

    SATISFIED = "satisfied"
    PARTLY = "partly"
    NOT_SATISFIED = "not_satisfied"
    UNREACHED = "unreached"


class ActorKind(StrEnum):
    """A kind of actor; a manager may do whatever an agent may."""

    CUSTOMER = "customer"
    AGENT = "agent"
    MANAGER = "manager"
    SYSTEM = "system"


@dataclass(frozen=True, slots=True)
class Actor:
    """Somebody or something that acts: the kind decides what is allowed, the id is stored."""

    kind: ActorKind
    id: str


@dataclass(frozen=True, slots=True)
class Case:
    """A complaint as the machine judges it, in booking order: as the person who acts saw it."""

    id: str
    status: ComplaintStatus
    outcome: ComplaintOutcome | None
    owner: str | None
    cycle: int
    review_level: int
    escalation_level: int
    duplicate_of: str | None = None
    visible_messages: int = 0  # of an agent, visible and not failed, in this cycle
    follow_ups: int = 0  # recorded in this cycle
    unreached: int = 0  # follow-ups of this cycle that did not reach the customer
    last_answer: FollowUpResult | None = None  # of the customer, to the latest follow-up that reached them
    closed_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Target:
    """The complaint that a merge names."""

    id: str
    open: bool
    same_customer: bool
    exists: bool = True


@dataclass(frozen=True, slots=True)
class Asked:
    """A transition that somebody asks for; fields that its action does not use stay None."""

    action: ComplaintAction
    actor: Actor
    at: datetime
    reason: str | None = None
    outcome: ComplaintOutcome | None = None
    owner: str | None = None
    target: Target | None = None
    unreached: bool | None = (
        None  # whether the follow-up given with the action reached nobody; None: none was given
    )
    customer_waits: bool = False  # whether nobody has answered the customer's last word


def allowed(status: ComplaintStatus, kind: ActorKind = ActorKind.MANAGER) -> list[ComplaintAction]:
    """Return the actions that are legal in this state and that this kind of actor may take at all."""
    return [
        action for action in ComplaintAction if status in ROWS[action].sources and kind in ROWS[action].actors
    ]


def decide(case: Case, asked: Asked) -> Case:
    """Return the complaint after the action.

    Raises WrongState (with `allowed`), NotForThisActor, or the refusal of the guard that finds something missing.
    """
    row = ROWS[asked.action]
    if case.status not in row.sources:
        raise WrongState(
            action=asked.action,
            status=case.status,
            extra={"allowed": [*allowed(case.status, asked.actor.kind)]},
        )
    if asked.actor.kind not in row.actors:
        raise NotForThisActor(action=asked.action, who=sorted(row.actors))
    _refuse_unused(asked)
    if row.needs_reason and not (asked.reason or "").strip():
        raise ReasonRequired(action=asked.action)
    _guard(case, asked)
    return _after(case, asked, row)


def _refuse_unused(asked: Asked) -> None:
    """Raise NotUsedHere if a field is given that the action does not use."""
    given = {
        "outcome": asked.outcome is not None and asked.action is not ComplaintAction.CLOSE,
        "duplicate_of": asked.target is not None and asked.action is not ComplaintAction.MERGE,
        "follow_up": asked.unreached is not None and asked.action is not ComplaintAction.FOLLOW_UP,
        "owner": asked.owner is not None and asked.actor.kind is ActorKind.CUSTOMER,
    }
    for name, unused in given.items():
        if unused:
            raise NotUsedHere(field=name, action=asked.action)


def _guard(case: Case, asked: Asked) -> None:
    """Raise the refusal of the action's own guard if it finds something missing."""
    match asked.action:
        case ComplaintAction.WAIT_CUSTOMER | ComplaintAction.REJECT:
            if case.visible_messages == 0 and not (
                asked.action is ComplaintAction.REJECT and asked.reason == SPAM
            ):
                raise MessageRequired(action=asked.action)
        case ComplaintAction.ANSWER:
            if case.visible_messages == 0:
                raise AnswerRequired()
        case ComplaintAction.FOLLOW_UP:
            if asked.unreached is None:
                raise FollowUpRequired()
        case ComplaintAction.REFUSE_ANSWER:
            _guard_refusal(case, asked)
        case ComplaintAction.CLOSE:
            _guard_close(case, asked)
        case ComplaintAction.MERGE:
            _guard_merge(case, asked)
        case ComplaintAction.REOPEN:
            _guard_reopen(case, asked)
        case _:
            pass
    is_spam = asked.action is ComplaintAction.REJECT and asked.reason == SPAM
    if asked.customer_waits and asked.action in NEEDS_REPLY and not is_spam:
        raise CustomerWaits(action=asked.action)


def _guard_refusal(case: Case, asked: Asked) -> None:
    if case.review_level + 1 > REVIEW_LEVEL_MAX:
        raise ReviewLevelsExhausted(levels=REVIEW_LEVEL_MAX)
    if asked.actor.kind is not ActorKind.CUSTOMER and (asked.owner or asked.actor.id) == case.owner:
        raise OtherOwnerRequired()


def _guard_close(case: Case, asked: Asked) -> None:
    if case.follow_ups == 0:
        raise FollowUpRequired()
    if asked.outcome not in CLOSE_OUTCOMES:
        raise OutcomeRequired(outcomes=CLOSE_OUTCOMES)
    if asked.outcome is ComplaintOutcome.UNREACHABLE and case.unreached < UNREACHED_ATTEMPTS_MIN:
        raise AttemptsRequired(attempts=UNREACHED_ATTEMPTS_MIN, made=case.unreached)
    if asked.outcome is not ComplaintOutcome.UNREACHABLE and case.follow_ups == case.unreached:
        raise AnswerOfCustomerRequired(outcome=asked.outcome)
    if asked.outcome is ComplaintOutcome.SATISFIED and case.last_answer is FollowUpResult.NOT_SATISFIED:
        raise CustomerNotSatisfied


def _guard_merge(case: Case, asked: Asked) -> None:
    if asked.target is None or asked.target.id == case.id or not asked.target.exists:
        raise TargetRequired()
    if not asked.target.same_customer:
        raise TargetOfOtherCustomer()
    if not asked.target.open:
        raise TargetNotOpen()


def _guard_reopen(case: Case, asked: Asked) -> None:
    if case.outcome is ComplaintOutcome.DUPLICATE:
        raise DuplicateStaysClosed()
    assert case.closed_at is not None, "a closed complaint has a closing transition"
    if not reopens(case.outcome, case.closed_at, asked.at):
        raise ReopenTooLate(days=REOPEN_WITHIN.days)


def reopens(outcome: ComplaintOutcome | None, closed_at: datetime, at: datetime) -> bool:
    """Return whether a complaint that ended like this may be reopened at an instant."""
    return outcome is not ComplaintOutcome.DUPLICATE and at - closed_at <= REOPEN_WITHIN


def _after(case: Case, asked: Asked, row: Row) -> Case:
    """Return the complaint with the effects of the action."""
    after = replace(case, status=row.to or case.status, owner=asked.owner or case.owner)
    match asked.action:
        case ComplaintAction.START:
            after = replace(after, owner=after.owner or asked.actor.id)
        case ComplaintAction.REFUSE_ANSWER:
            # A customer cannot name the next reviewer: the complaint goes back to the queue, without an owner.
            other = None if asked.actor.kind is ActorKind.CUSTOMER else asked.owner or asked.actor.id
            after = replace(after, review_level=case.review_level + 1, owner=other)
        case ComplaintAction.CLOSE:
            after = replace(after, outcome=asked.outcome)
        case ComplaintAction.WITHDRAW | ComplaintAction.REJECT:
            after = replace(after, outcome=ENDS[asked.action])
        case ComplaintAction.MERGE:
            assert asked.target is not None, "the guard saw it"
            after = replace(after, outcome=ComplaintOutcome.DUPLICATE, duplicate_of=asked.target.id)
        case ComplaintAction.ESCALATE:
            after = replace(after, escalation_level=case.escalation_level + 1)
        case ComplaintAction.REOPEN:
            after = replace(after, outcome=None, cycle=case.cycle + 1, review_level=0)
    return after


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table: the states it leads from, the state it leads to (None: the same), and its actors."""

    sources: frozenset[ComplaintStatus]
    to: ComplaintStatus | None
    actors: frozenset[ActorKind]
    needs_reason: bool = False


S, A, K = ComplaintStatus, ComplaintAction, ActorKind
OPEN: Final = frozenset(ComplaintStatus) - {ComplaintStatus.CLOSED}
WAITING: Final = frozenset({S.WAITING_CUSTOMER, S.WAITING_THIRD_PARTY})
CLOSE_OUTCOMES: Final = tuple(ComplaintOutcome(outcome.value) for outcome in CloseOutcome)
ENDS: Final = {
    A.WITHDRAW: ComplaintOutcome.WITHDRAWN,
    A.REJECT: ComplaintOutcome.REJECTED,
    A.MERGE: ComplaintOutcome.DUPLICATE,
}
NEEDS_REPLY: Final = frozenset({A.WAIT_CUSTOMER, A.WAIT_THIRD_PARTY, A.ANSWER, A.REJECT, A.CLOSE})
"""The actions that end or pause the promise of a reply, and so need one to the customer's last word."""
_STAFF: Final = frozenset({K.AGENT, K.MANAGER})
_STAFF_SYSTEM: Final = _STAFF | {K.SYSTEM}
_STAFF_CUSTOMER: Final = _STAFF | {K.CUSTOMER}
_ANSWERED: Final = frozenset({S.ANSWERED, S.FOLLOWING_UP})

ROWS: Final[dict[ComplaintAction, Row]] = {
    A.ACKNOWLEDGE: Row(frozenset({S.RECEIVED}), S.ACKNOWLEDGED, _STAFF_SYSTEM),
    A.START: Row(frozenset({S.RECEIVED, S.ACKNOWLEDGED}), S.IN_PROGRESS, _STAFF),
    A.WAIT_CUSTOMER: Row(frozenset({S.IN_PROGRESS}), S.WAITING_CUSTOMER, _STAFF, needs_reason=True),
    A.WAIT_THIRD_PARTY: Row(frozenset({S.IN_PROGRESS}), S.WAITING_THIRD_PARTY, _STAFF, needs_reason=True),
    A.RESUME: Row(WAITING, S.IN_PROGRESS, _STAFF_SYSTEM),
    A.ANSWER: Row(WAITING | {S.IN_PROGRESS}, S.ANSWERED, _STAFF),
    A.FOLLOW_UP: Row(_ANSWERED, S.FOLLOWING_UP, _STAFF),
    A.REFUSE_ANSWER: Row(_ANSWERED, S.IN_PROGRESS, _STAFF_CUSTOMER, needs_reason=True),
    A.CLOSE: Row(frozenset({S.FOLLOWING_UP}), S.CLOSED, _STAFF),
    A.WITHDRAW: Row(OPEN, S.CLOSED, _STAFF_CUSTOMER, needs_reason=True),
    A.REJECT: Row(
        frozenset({S.RECEIVED, S.ACKNOWLEDGED, S.IN_PROGRESS}),
        S.CLOSED,
        frozenset({K.MANAGER}),
        needs_reason=True,
    ),
    A.MERGE: Row(OPEN, S.CLOSED, _STAFF),
    A.ESCALATE: Row(OPEN, None, _STAFF_SYSTEM, needs_reason=True),
    A.REOPEN: Row(frozenset({S.CLOSED}), S.IN_PROGRESS, _STAFF_CUSTOMER | {K.SYSTEM}, needs_reason=True),
}
