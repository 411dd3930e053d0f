"""Actions on a complaint."""

from typing import Annotated

from pydantic import Field

from services.feedback.complaints import refusals
from services.feedback.complaints.domain.machine import (
    CloseOutcome,
    ComplaintAction,
    ComplaintOutcome,
    ComplaintStatus,
    FollowUpResult,
)
from services.feedback.complaints.queries.admission import (
    MAY_ACT,
    actor_of,
    admit,
    allowed_to,
)
from services.feedback.complaints.queries.complaints import complaint_of
from services.feedback.complaints.usecases.take_action import ActionRequest, FollowUp, take_action
from services.feedback.http import COMPLAINT_EXAMPLE, ClockOut, ComplaintInPath, OwnerId, show_clocks
from services.feedback.settings import Settings
from shared.events.base import ComplaintId
from shared.http.dependencies import Caller, Expected, InContext, Transaction
from shared.http.models import Choice, InstantIn, LongText, Request, Response, Word, example, member_of
from shared.http.readers import ACTOR
from shared.http.routes import Router

router = Router(tags=["complaints"])


class FollowUpIn(Request):
    """An attempt to ask the customer whether it was put right."""

    method: Word = Field(description="phone, e_mail, visit …", examples=["phone"])
    result: Annotated[FollowUpResult, Choice]
    note: LongText | None = None
    due_at: InstantIn | None = Field(default=None, description="The time at which the attempt was due.")


class TransitionIn(Request):
    """An action to take."""

    model_config = example(action="start")

    action: Annotated[ComplaintAction, Choice]
    reason: LongText | None = Field(
        default=None, description="`spam` as the reason of reject needs no message."
    )
    outcome: Annotated[CloseOutcome, Choice] | None = Field(default=None, description="For close only.")
    follow_up: FollowUpIn | None = Field(default=None, description="The attempt, for follow_up only.")
    owner: Word | None = Field(default=None, description="The operator that takes the complaint on.")
    duplicate_of: ComplaintId | None = Field(
        default=None, description="The complaint that goes on, for merge only."
    )


class MovedComplaintOut(Response):
    """The complaint after the action."""

    id: str = Field(examples=[COMPLAINT_EXAMPLE])
    number: str
    status: ComplaintStatus
    outcome: ComplaintOutcome | None
    cycle: int
    owner: Annotated[str | None, ACTOR] = Field(description="Operators only.")
    owner_id: OwnerId
    review_level: int
    escalation_level: int
    version: int = Field(description="The number of changes, also the beginning of its ETag.")
    allowed: list[ComplaintAction] = Field(description="The actions that you may take now.")
    clocks: list[ClockOut]


@router.post(
    "/v1/complaints/{complaint_id}/transitions",
    operation_id="take_action",
    summary="Take an action on a complaint",
    allow=MAY_ACT,
    idempotency="optional",
    version="version",
    precondition="optional",
    status_code=201,
    location="/v1/complaints/{id}",
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
        refusals.AnswerOfCustomerRequired,
        refusals.CustomerNotSatisfied,
        refusals.CustomerWaits,
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
    context: InContext[Settings],
    caller: Caller,
    precondition: Expected,
    complaint_id: ComplaintInPath,
    body: TransitionIn,
) -> MovedComplaintOut:
    """Take an action. One that is not legal in this state is a 409 with the legal ones; missing things have a code.

    With `If-Match` it is taken only while the complaint is as you have read it: without a message or a change since.
    """
    await admit(tx, caller, complaint_id)
    actor = actor_of(caller)
    request = ActionRequest(
        action=body.action,
        actor=actor,
        reason=body.reason,
        outcome=None if body.outcome is None else ComplaintOutcome(body.outcome.value),
        owner=None if body.owner is None else context.vault.conceal(body.owner),
        follow_up=None if body.follow_up is None else _follow_up(body.follow_up),
        duplicate_of=body.duplicate_of,
        precondition=precondition,
    )
    await take_action(tx, context, complaint_id, request)
    complaint = await complaint_of(tx, complaint_id)
    return MovedComplaintOut(
        id=complaint.id,
        number=complaint.number,
        status=ComplaintStatus(complaint.status),
        outcome=member_of(ComplaintOutcome, complaint.outcome),
        cycle=complaint.cycle,
        owner=None if complaint.owner is None else context.vault.reveal(complaint.owner),
        owner_id=complaint.owner,
        review_level=complaint.review_level,
        escalation_level=complaint.escalation_level,
        version=complaint.version,
        allowed=allowed_to(caller, complaint.status),
        clocks=(await show_clocks(tx, [complaint.id]))[complaint.id],
    )


def _follow_up(body: FollowUpIn) -> FollowUp:
    return FollowUp(body.method, body.result, body.note, body.due_at)
