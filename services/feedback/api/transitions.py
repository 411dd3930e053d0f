"""Actions on a complaint."""

from typing import Literal

from pydantic import Field

from services.feedback.api.shown import WRITERS, ClockOut, Configured, actor_of, admit, clocks_out
from services.feedback.domain import machine, refusals
from services.feedback.domain.machine import Action, Outcome, Status
from services.feedback.storage import clocks, complaints
from services.feedback.usecases.take_action import FollowUp, Wanted, take_action
from shared.events.base import ComplaintId
from shared.http.auth import allow
from shared.http.dependencies import Caller, Transaction, Vaulted
from shared.http.models import InstantIn, LongText, Request, Response, Word, example
from shared.http.routes import Router

router = Router(tags=["complaints"])

ActionIn = Literal[
    "acknowledge",
    "start",
    "wait_customer",
    "wait_third_party",
    "resume",
    "answer",
    "follow_up",
    "refuse_answer",
    "close",
    "withdraw",
    "reject",
    "merge",
    "escalate",
    "reopen",
]


class FollowUpIn(Request):
    """An attempt to ask the customer whether it was put right."""

    method: Word = Field(description="phone, e_mail, visit …", examples=["phone"])
    result: Literal["satisfied", "partly", "not_satisfied", "unreached"]
    note: LongText | None = None
    due_at: InstantIn | None = Field(default=None, description="When it had been due.")


class TransitionIn(Request):
    """An action to take."""

    model_config = example(action="start")

    action: ActionIn
    reason: LongText | None = Field(
        default=None, description="`spam` as the reason of reject needs no message."
    )
    outcome: Literal["satisfied", "not_satisfied", "won_back", "unreachable"] | None = Field(
        default=None, description="Of close."
    )
    follow_up: FollowUpIn | None = Field(default=None, description="Of follow_up.")
    owner: Word | None = Field(default=None, description="Who has it in hand from now on.")
    duplicate_of: ComplaintId | None = Field(
        default=None, description="Of merge: the complaint that goes on."
    )


class MovedOut(Response):
    """How the complaint stands after the action."""

    id: str
    number: str
    status: str
    outcome: str | None
    cycle: int
    owner: str | None = Field(description="Not shown to customers.")
    review_level: int
    escalation_level: int
    allowed: list[str] = Field(description="The actions that are legal now.")
    clocks: list[ClockOut]


@router.post(
    "/v1/complaints/{complaint_id}/transitions",
    operation_id="take_action",
    summary="Take an action on a complaint",
    allow=allow(WRITERS, customer="owned"),
    idempotency="optional",
    status_code=201,
    errors=(
        refusals.UnknownComplaint,
        refusals.WrongState,
        refusals.NotForThisActor,
        refusals.NotUsedHere,
        refusals.ReasonRequired,
        refusals.MessageRequired,
        refusals.AnswerRequired,
        refusals.FollowUpRequired,
        refusals.OutcomeRequired,
        refusals.AttemptsRequired,
        refusals.ReviewLevelsExhausted,
        refusals.OtherOwnerRequired,
        refusals.TargetRequired,
        refusals.TargetOfOtherCustomer,
        refusals.TargetNotOpen,
        refusals.DuplicateStaysClosed,
        refusals.ReopenTooLate,
        refusals.CustomerErased,
    ),
)
async def post_transition(
    tx: Transaction,
    vault: Vaulted,
    caller: Caller,
    settings: Configured,
    complaint_id: str,
    body: TransitionIn,
) -> MovedOut:
    """Move a complaint on. What is not legal in its state is a 409 that names what is; what is missing has a code."""
    await admit(tx, caller, complaint_id)
    actor = actor_of(caller)
    wanted = Wanted(
        action=Action(body.action),
        actor=actor,
        reason=body.reason,
        outcome=None if body.outcome is None else Outcome(body.outcome),
        owner=body.owner,
        follow_up=None if body.follow_up is None else FollowUp(**body.follow_up.model_dump()),
        duplicate_of=body.duplicate_of,
    )
    await take_action(tx, vault, complaint_id, wanted, grace=settings.sla_grace)
    row = await complaints.read_one(tx, complaint_id)
    return MovedOut(
        id=row.id,
        number=row.number,
        status=row.status,
        outcome=row.outcome,
        cycle=row.cycle,
        owner=row.owner if caller.kind == "operator" else None,
        review_level=row.review_level,
        escalation_level=row.escalation_level,
        allowed=[*machine.allowed(Status(row.status), actor.kind)],
        clocks=clocks_out((await clocks.of(tx, [row.id]))[row.id]),
    )
