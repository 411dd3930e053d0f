"""Remedies on a complaint."""

from datetime import datetime
from typing import Literal

from pydantic import Field

from services.feedback.api.shown import WRITERS, Configured
from services.feedback.domain.refusals import (
    CustomerErased,
    RemedyNotOverdue,
    RemedyOnEndedComplaint,
    RetryOfRefused,
    UnknownComplaint,
    UnknownRemedy,
)
from services.feedback.storage import remedies
from services.feedback.usecases.grant_remedy import NewRemedy, grant_remedy
from services.feedback.usecases.retry_remedy import retry_remedy
from shared.db import Read
from shared.events.base import RemedyId
from shared.http.auth import allow
from shared.http.dependencies import Caller, Transaction, Vaulted
from shared.http.models import LongText, Positive, Request, Response, example
from shared.http.routes import Router

router = Router(tags=["remedies"])


class RemedyIn(Request):
    """Something to make good with."""

    model_config = example(kind="points", points=200, reason="The kettle leaked.")

    kind: Literal["points"]
    points: Positive
    reason: LongText
    retry_of: RemedyId | None = Field(default=None, description="A refused remedy that this one tries again.")


class GrantedOut(Response):
    """The remedy: granted, until loyalty says it is paid."""

    id: str
    complaint_id: str
    kind: Literal["points"]
    points: int
    status: str
    granted_at: datetime
    deadline_at: datetime = Field(description="Until when loyalty's answer is expected.")


@router.post(
    "/v1/complaints/{complaint_id}/remedies",
    operation_id="grant_remedy",
    summary="Grant a remedy",
    allow=allow(WRITERS),
    idempotency="required",
    status_code=201,
    errors=(UnknownComplaint, RemedyOnEndedComplaint, RetryOfRefused, CustomerErased),
)
async def post_remedy(
    tx: Transaction, vault: Vaulted, caller: Caller, settings: Configured, complaint_id: str, body: RemedyIn
) -> GrantedOut:
    """Grant points on a complaint. Loyalty pays them once and the remedy is settled, or refuses them with a reason."""
    new = NewRemedy(body.points, body.reason, caller.id, body.retry_of)
    remedy_id = await grant_remedy(tx, vault, complaint_id, new, deadline=settings.remedy_deadline)
    return await _granted(tx, complaint_id, remedy_id)


@router.post(
    "/v1/complaints/{complaint_id}/remedies/{remedy_id}/retries",
    operation_id="retry_remedy",
    summary="Ask for an overdue remedy again",
    allow=allow(WRITERS),
    idempotency="optional",
    errors=(UnknownComplaint, UnknownRemedy, RemedyNotOverdue, CustomerErased),
)
async def post_retry(tx: Transaction, settings: Configured, complaint_id: str, remedy_id: str) -> GrantedOut:
    """Tell loyalty of the same remedy again: it pays it once, however often it is told."""
    await retry_remedy(tx, complaint_id, remedy_id, deadline=settings.remedy_deadline)
    return await _granted(tx, complaint_id, remedy_id)


async def _granted(read: Read, complaint_id: str, remedy_id: str) -> GrantedOut:
    row = await remedies.find(read, complaint_id, remedy_id)
    assert row is not None, "it was just written"
    return GrantedOut(
        id=row.id,
        complaint_id=row.complaint_id,
        kind=row.kind,
        points=row.points,
        status=row.status,
        granted_at=row.granted_at,
        deadline_at=row.deadline_at,
    )
