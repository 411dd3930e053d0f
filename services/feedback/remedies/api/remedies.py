"""Remedies on a complaint."""

from datetime import datetime
from typing import Annotated

from fastapi import Response as PlainResponse
from pydantic import AfterValidator, Field

from services.feedback.complaints.domain.machine import ActorKind
from services.feedback.complaints.queries.admission import WRITERS, actor_of
from services.feedback.complaints.refusals import CustomerErased, UnknownComplaint
from services.feedback.http import ComplaintInPath
from services.feedback.remedies.domain import GRANT_REMEDY, RemedyKind, RemedyStatus
from services.feedback.remedies.queries.limits import DECIDERS, operator_limits
from services.feedback.remedies.queries.remedies import remedy_of
from services.feedback.remedies.refusals import (
    RemedyAboveComplaintLimit,
    RemedyAboveDayLimit,
    RemedyAboveEveryLimit,
    RemedyNotOverdue,
    RemedyOnEndedComplaint,
    RetriedAlready,
    RetryOfRefused,
    UnknownRemedy,
)
from services.feedback.remedies.usecases.ask_remedy import ask_remedy
from services.feedback.remedies.usecases.grant_remedy import NewRemedy, grant_remedy
from services.feedback.remedies.usecases.retry_remedy import retry_remedy
from services.feedback.settings import Settings
from shared.approvals import Approvable, Approved, OperatorLimit, ProposedBefore, TooManyProposals
from shared.auth.principal import Principal
from shared.catalogues import field_sentence
from shared.context import Context
from shared.db import Read, Tx
from shared.events.base import RemedyId
from shared.http.approvals import ACCEPTED, LOCATION, accepted
from shared.http.auth import allow
from shared.http.dependencies import Caller, InContext, KeyHash, Transaction
from shared.http.models import Choice, LongText, Request, Response, example, refused
from shared.http.routes import Router
from shared.limits import REMEDY_POINTS_MAX

router = Router(tags=["remedies"])


_ABOVE_MOST = field_sentence(__name__, "remedy_above_most", code="too_large")


def _not_above_most(points: int) -> int:
    if points > REMEDY_POINTS_MAX:
        raise refused(_ABOVE_MOST.filled(most=REMEDY_POINTS_MAX))
    return points


class RemedyIn(Request):
    """A remedy to grant."""

    model_config = example(kind="points", points=200, reason="The kettle leaked.")

    kind: Annotated[RemedyKind, Choice]
    points: Annotated[
        int,
        Field(ge=1, json_schema_extra={"maximum": REMEDY_POINTS_MAX}),
        AfterValidator(_not_above_most),
    ]
    reason: LongText
    retry_of: RemedyId | None = Field(
        default=None, description="A refused remedy that this one tries again. Each is tried again once."
    )
    propose: bool = Field(
        default=False,
        description="Whether an agent's remedy that is above the agent's limits is proposed to a manager (202), and not refused.",
    )


class GrantedRemedyOut(Response):
    """The remedy. It is granted until loyalty answers."""

    id: str
    complaint_id: str
    kind: RemedyKind
    points: int
    status: RemedyStatus
    granted_at: datetime
    deadline_at: datetime = Field(description="The time until which loyalty's answer is expected.")


@router.post(
    "/v1/complaints/{complaint_id}/remedies",
    operation_id="grant_remedy",
    summary="Grant a remedy",
    allow=allow(WRITERS),
    idempotency="required",
    status_code=201,
    response_model=GrantedRemedyOut,
    responses=ACCEPTED,
    location={201: "/v1/complaints/{complaint_id}", 202: LOCATION},
    errors=(
        UnknownComplaint,
        RemedyOnEndedComplaint,
        RetryOfRefused,
        RetriedAlready,
        RemedyAboveComplaintLimit,
        RemedyAboveDayLimit,
        RemedyAboveEveryLimit,
        CustomerErased,
        ProposedBefore,
        TooManyProposals,
    ),
)
async def post_remedy(
    tx: Transaction,
    context: InContext[Settings],
    caller: Caller,
    key: KeyHash,
    complaint_id: ComplaintInPath,
    body: RemedyIn,
) -> GrantedRemedyOut | PlainResponse:
    """Grant points on a complaint. Loyalty pays them once and the remedy is settled, or refuses them with a reason.
    The `Location` of a 201 is the complaint, which has the remedy.

    What you may grant on one complaint and in one day adds up; `remedy_limits` of the complaint says what is left, and
    `GET /v1/limits/me` what is left of your day.
    More is refused. With `propose` an agent's remedy waits for a manager instead: the answer is 202, and the manager approves it at its
    `Location`, within the manager's own limits. What no manager may grant is refused at once. The complaint shows in `approvals` what was
    proposed.
    """
    new = NewRemedy(body.points, body.reason, caller.id, body.retry_of, actor_of(caller).kind)
    if not body.propose:
        return await _granted(tx, complaint_id, await grant_remedy(tx, context, complaint_id, new))
    granted = await ask_remedy(tx, context, complaint_id, new, key)
    if not isinstance(granted, str):
        return await accepted(tx, context.vault, granted, APPROVABLE)
    return await _granted(tx, complaint_id, granted)


async def _grant_approved(tx: Tx, context: Context[Settings], approved: Approved) -> str:
    """Grant a remedy that a manager has approved, within the manager's limits, and return the complaint's address."""
    body = RemedyIn.model_validate(approved.body)
    complaint_id = approved.path["complaint_id"]
    new = NewRemedy(
        body.points,
        body.reason,
        approved.proposed_by.removeprefix("operator:"),
        body.retry_of,
        ActorKind.MANAGER,
        approved.approved_by.removeprefix("operator:"),
    )
    await grant_remedy(tx, context, complaint_id, new)
    return f"/v1/complaints/{complaint_id}"


async def _limits(read: Read, context: Context[Settings], caller: Principal) -> list[OperatorLimit]:
    if caller.roles.isdisjoint(WRITERS):
        return []
    return await operator_limits(read, context, actor_of(caller), context.clock.now())


APPROVABLE = Approvable(GRANT_REMEDY, DECIDERS[GRANT_REMEDY], _limits, _grant_approved)


@router.post(
    "/v1/complaints/{complaint_id}/remedies/{remedy_id}/retries",
    operation_id="retry_remedy",
    summary="Ask for an overdue remedy again",
    allow=allow(WRITERS),
    idempotency="optional",
    errors=(UnknownComplaint, UnknownRemedy, RemedyNotOverdue, CustomerErased),
)
async def post_retry(
    tx: Transaction, context: InContext[Settings], complaint_id: ComplaintInPath, remedy_id: str
) -> GrantedRemedyOut:
    """Announce the same remedy to loyalty again. Loyalty pays it once, however often it is announced."""
    await retry_remedy(tx, context, complaint_id, remedy_id)
    return await _granted(tx, complaint_id, remedy_id)


async def _granted(read: Read, complaint_id: str, remedy_id: str) -> GrantedRemedyOut:
    remedy = await remedy_of(read, complaint_id, remedy_id)
    assert remedy is not None, "the remedy was just written"
    assert remedy.points is not None, "a remedy of points has points"
    return GrantedRemedyOut(
        id=remedy.id,
        complaint_id=remedy.complaint_id,
        kind=RemedyKind(remedy.kind),
        points=remedy.points,
        status=RemedyStatus(remedy.status),
        granted_at=remedy.granted_at,
        deadline_at=remedy.deadline_at,
    )
