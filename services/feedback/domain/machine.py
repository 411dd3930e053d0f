"""What may be done with a complaint: 14 actions over 8 states, 40 legal pairs (ISO 10002's path, models/feedback §2)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from services.feedback.domain import refusals

REVIEW_LEVEL_MAX: Final = 3
UNREACHED_ATTEMPTS_MIN: Final = 3
REOPEN_WITHIN: Final = timedelta(days=30)
SPAM: Final = "spam"


class Status(StrEnum):
    """Where a complaint stands."""

    RECEIVED = "received"
    ACKNOWLEDGED = "acknowledged"
    IN_PROGRESS = "in_progress"
    WAITING_CUSTOMER = "waiting_customer"
    WAITING_THIRD_PARTY = "waiting_third_party"
    ANSWERED = "answered"
    FOLLOWING_UP = "following_up"
    CLOSED = "closed"


class Action(StrEnum):
    """What a person or the system does to it."""

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


class Outcome(StrEnum):
    """How a closed complaint ended."""

    WON_BACK = "won_back"
    SATISFIED = "satisfied"
    NOT_SATISFIED = "not_satisfied"
    UNREACHABLE = "unreachable"
    WITHDRAWN = "withdrawn"
    REJECTED = "rejected"
    DUPLICATE = "duplicate"


class ActorKind(StrEnum):
    """Who acts; a manager may do whatever an agent may."""

    CUSTOMER = "customer"
    AGENT = "agent"
    MANAGER = "manager"
    SYSTEM = "system"


@dataclass(frozen=True, slots=True)
class Actor:
    """One who acts: the kind decides what is allowed, the id is written down."""

    kind: ActorKind
    id: str


@dataclass(frozen=True, slots=True)
class Case:
    """What the machine looks at, in booking order: the complaint as the person who acts saw it."""

    id: str
    status: Status
    outcome: Outcome | None
    owner: str | None
    cycle: int
    review_level: int
    escalation_level: int
    duplicate_of: str | None = None
    visible_messages: int = 0  # agent, visible, not failed, in this cycle
    follow_ups: int = 0  # recorded in this cycle
    unreached: int = 0  # of these, without an answer
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
    """A transition somebody asks for; what an action does not use stays None."""

    action: Action
    actor: Actor
    at: datetime
    reason: str | None = None
    outcome: Outcome | None = None
    owner: str | None = None
    target: Target | None = None
    unreached: bool | None = None  # of the follow_up that comes with the action; None: none came


def allowed(status: Status, kind: ActorKind = ActorKind.MANAGER) -> list[Action]:
    """The actions that are legal in this state, for a customer only those a customer may take at all."""
    legal = [action for action in Action if status in ROWS[action].sources]
    return (
        [action for action in legal if ActorKind.CUSTOMER in ROWS[action].who]
        if kind is ActorKind.CUSTOMER
        else legal
    )


def decide(case: Case, asked: Asked) -> Case:
    """The complaint after the action, or the refusal that says what is missing.

    Raises WrongState (with `allowed`), NotYours, or the guard's own refusal.
    """
    row = ROWS[asked.action]
    if case.status not in row.sources:
        raise refusals.WrongState(
            action=asked.action,
            status=case.status,
            extra={"allowed": [*allowed(case.status, asked.actor.kind)]},
        )
    if asked.actor.kind not in row.who:
        raise refusals.NotForThisActor(action=asked.action, who=", ".join(sorted(row.who)))
    _refuse_unused(asked)
    if row.needs_reason and not (asked.reason or "").strip():
        raise refusals.ReasonRequired(action=asked.action)
    _guard(case, asked)
    return _after(case, asked, row)


def _refuse_unused(asked: Asked) -> None:
    """Raise when something comes with an action that would do nothing with it."""
    given = {
        "outcome": asked.outcome is not None and asked.action is not Action.CLOSE,
        "duplicate_of": asked.target is not None and asked.action is not Action.MERGE,
        "follow_up": asked.unreached is not None and asked.action is not Action.FOLLOW_UP,
        "owner": asked.owner is not None and asked.actor.kind is ActorKind.CUSTOMER,
    }
    for name, unused in given.items():
        if unused:
            raise refusals.NotUsedHere(field=name, action=asked.action)


def _guard(case: Case, asked: Asked) -> None:
    """Raise what the action's own guard finds missing."""
    match asked.action:
        case Action.WAIT_CUSTOMER | Action.REJECT:
            if case.visible_messages == 0 and not (asked.action is Action.REJECT and asked.reason == SPAM):
                raise refusals.MessageRequired(action=asked.action)
        case Action.ANSWER:
            if case.visible_messages == 0:
                raise refusals.AnswerRequired()
        case Action.FOLLOW_UP:
            if asked.unreached is None:
                raise refusals.FollowUpRequired()
        case Action.REFUSE_ANSWER:
            _guard_refusal(case, asked)
        case Action.CLOSE:
            _guard_close(case, asked)
        case Action.MERGE:
            _guard_merge(case, asked)
        case Action.REOPEN:
            _guard_reopen(case, asked)
        case _:
            pass


def _guard_refusal(case: Case, asked: Asked) -> None:
    if case.review_level + 1 > REVIEW_LEVEL_MAX:
        raise refusals.ReviewLevelsExhausted(levels=REVIEW_LEVEL_MAX)
    if asked.actor.kind is not ActorKind.CUSTOMER and (asked.owner or asked.actor.id) == case.owner:
        raise refusals.OtherOwnerRequired()


def _guard_close(case: Case, asked: Asked) -> None:
    if case.follow_ups == 0:
        raise refusals.FollowUpRequired()
    if asked.outcome not in CLOSE_OUTCOMES:
        raise refusals.OutcomeRequired(outcomes=", ".join(CLOSE_OUTCOMES))
    if asked.outcome is Outcome.UNREACHABLE and case.unreached < UNREACHED_ATTEMPTS_MIN:
        raise refusals.AttemptsRequired(attempts=UNREACHED_ATTEMPTS_MIN, made=case.unreached)


def _guard_merge(case: Case, asked: Asked) -> None:
    if asked.target is None or asked.target.id == case.id or not asked.target.exists:
        raise refusals.TargetRequired()
    if not asked.target.same_customer:
        raise refusals.TargetOfOtherCustomer()
    if not asked.target.open:
        raise refusals.TargetNotOpen()


def _guard_reopen(case: Case, asked: Asked) -> None:
    if case.outcome is Outcome.DUPLICATE:
        raise refusals.DuplicateStaysClosed()
    assert case.closed_at is not None, "a closed complaint has a closing transition"
    if asked.at - case.closed_at > REOPEN_WITHIN:
        raise refusals.ReopenTooLate(days=REOPEN_WITHIN.days)


def _after(case: Case, asked: Asked, row: Row) -> Case:
    """The complaint with the action's effects."""
    after = replace(case, status=row.to or case.status, owner=asked.owner or case.owner)
    match asked.action:
        case Action.START:
            after = replace(after, owner=after.owner or asked.actor.id)
        case Action.REFUSE_ANSWER:
            # A customer cannot name the next reviewer: the complaint goes back to the queue, without an owner.
            other = None if asked.actor.kind is ActorKind.CUSTOMER else asked.owner or asked.actor.id
            after = replace(after, review_level=case.review_level + 1, owner=other)
        case Action.CLOSE:
            after = replace(after, outcome=asked.outcome)
        case Action.WITHDRAW | Action.REJECT:
            after = replace(after, outcome=ENDS[asked.action])
        case Action.MERGE:
            assert asked.target is not None, "the guard saw it"
            after = replace(after, outcome=Outcome.DUPLICATE, duplicate_of=asked.target.id)
        case Action.ESCALATE:
            after = replace(after, escalation_level=case.escalation_level + 1)
        case Action.REOPEN:
            after = replace(after, outcome=None, cycle=case.cycle + 1, review_level=0)
    return after


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table: from which states, to which (None: the same), by whom, with a reason or not."""

    sources: frozenset[Status]
    to: Status | None
    who: frozenset[ActorKind]
    needs_reason: bool = False


S, A, K = Status, Action, ActorKind
OPEN: Final = frozenset(Status) - {Status.CLOSED}
WAITING: Final = frozenset({S.WAITING_CUSTOMER, S.WAITING_THIRD_PARTY})
CLOSE_OUTCOMES: Final = (Outcome.SATISFIED, Outcome.NOT_SATISFIED, Outcome.WON_BACK, Outcome.UNREACHABLE)
ENDS: Final = {A.WITHDRAW: Outcome.WITHDRAWN, A.REJECT: Outcome.REJECTED, A.MERGE: Outcome.DUPLICATE}
_STAFF: Final = frozenset({K.AGENT, K.MANAGER})
_STAFF_SYSTEM: Final = _STAFF | {K.SYSTEM}
_STAFF_CUSTOMER: Final = _STAFF | {K.CUSTOMER}
_ANSWERED: Final = frozenset({S.ANSWERED, S.FOLLOWING_UP})

ROWS: Final[dict[Action, Row]] = {
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
