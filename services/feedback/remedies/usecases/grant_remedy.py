"""An operator grants a remedy: the promise is ours, the payment is loyalty's."""

from dataclasses import dataclass
from typing import Final

from services.feedback.complaints.domain.machine import ActorKind, ComplaintOutcome
from services.feedback.complaints.steps.lock_complaints import lock_complaint
from services.feedback.complaints.steps.mark_updated import mark_updated
from services.feedback.remedies.domain import LimitScope, RemedyKind, RemedyStatus
from services.feedback.remedies.queries.limits import limits_of
from services.feedback.remedies.refusals import (
    RemedyAboveComplaintLimit,
    RemedyAboveDayLimit,
    RemedyOnEndedComplaint,
    RetriedAlready,
    RetryOfRefused,
)
from services.feedback.remedies.steps.announce_remedy import announce_remedy
from services.feedback.remedies.storage import remedies
from services.feedback.remedies.storage.tables import RemedyRecord
from services.feedback.settings import Settings
from shared import audit
from shared.audit import Change
from shared.context import Context
from shared.db import Tx
from shared.ids import new_id

NOTHING_FOR: Final = frozenset(
    {ComplaintOutcome.WITHDRAWN, ComplaintOutcome.REJECTED, ComplaintOutcome.DUPLICATE}
)
"""Complaints that ended like this get no remedy."""


@dataclass(frozen=True, slots=True)
class NewRemedy:
    """Points to grant, with the reason and the operator; `retry_of` names a refused remedy to try again.

    `role` is that of the operator whose limits hold: of the one who approved it, if somebody had to.
    """

    points: int
    reason: str
    requested_by: str
    retry_of: str | None = None
    role: ActorKind = ActorKind.AGENT
    approved_by: str | None = None
    awaits_approval: bool = False
    """Whether somebody still has to approve it, so that it is only rehearsed."""

    @property
    def granter(self) -> str | None:
        """The operator for whom the points count; None if nobody knows yet who will approve it."""
        if self.awaits_approval:
            return None
        return self.requested_by if self.approved_by is None else self.approved_by


async def grant_remedy(tx: Tx, context: Context[Settings], complaint_id: str, new: NewRemedy) -> str:
    """Grant points on a complaint and return the remedy's id; loyalty's answer settles it.

    Raises UnknownComplaint, CustomerErased, RemedyOnEndedComplaint, RetryOfRefused, RetriedAlready, and the refusal of
    the limit that the operator's remedies would pass.
    """
    complaint = await lock_complaint(tx, complaint_id)
    if complaint.case.outcome in NOTHING_FOR:
        raise RemedyOnEndedComplaint(outcome=complaint.case.outcome)
    if new.retry_of is not None:
        former = await remedies.find(tx, complaint_id, new.retry_of)
        if former is None or former.status != RemedyStatus.REFUSED.value:
            raise RetryOfRefused
        if (retry := await remedies.retry_of(tx, former.id)) is not None:
            raise RetriedAlready(retry=retry)
    await _keep_limits(tx, context, complaint_id, new)
    keys = await context.vault.new_subject(tx, [complaint.identity_id])
    remedy_id = new_id("rem")
    granted_at, deadline_at = tx.now, tx.now + context.settings.remedy_deadline
    await remedies.add(
        tx,
        RemedyRecord(
            id=remedy_id,
            complaint_id=complaint.id,
            cycle=complaint.case.cycle,
            kind=RemedyKind.POINTS.value,
            points=new.points,
            amount_minor=None,
            currency=None,
            status=RemedyStatus.GRANTED.value,
            requested_by=new.requested_by,
            approved_by=new.approved_by,
            reason_sealed=keys.seal(complaint.identity_id, f"remedy.reason/{remedy_id}", new.reason),
            granted_at=granted_at,
            deadline_at=deadline_at,
            settled_at=None,
            refusal_code=None,
            loyalty_txn=None,
            retry_of=new.retry_of,
        ),
    )
    await mark_updated(tx, [complaint.id])
    audit.note(tx, changes=[Change(remedy_id, "points", None, new.points)])
    announce_remedy(tx, complaint, remedy_id, new.points, granted_at, deadline_at)
    return remedy_id


async def _keep_limits(tx: Tx, context: Context[Settings], complaint_id: str, new: NewRemedy) -> None:
    """Refuse a remedy that passes a limit of its operator, whose grants wait for each other."""
    if new.granter is not None:
        await remedies.lock_granter(tx, new.granter)
    for limit in await limits_of(tx, context, complaint_id, new.role, new.granter, tx.now):
        if new.points > limit.points_left:
            refusal = RemedyAboveComplaintLimit if limit.scope is LimitScope.OBJECT else RemedyAboveDayLimit
            left = {
                "points_max": limit.points_max,
                "points_granted": limit.points_granted,
                "points_left": limit.points_left,
            }
            raise refusal(
                extra=left,
                points_max=limit.points_max,
                points_granted=limit.points_granted,
                points_left=limit.points_left,
            )
