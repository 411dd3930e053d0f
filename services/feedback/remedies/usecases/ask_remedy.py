"""An operator asks for a remedy, which a manager has to approve if it is above an agent's limit."""

from dataclasses import replace

from services.feedback.complaints.domain.machine import ActorKind
from services.feedback.complaints.steps.lock_complaints import lock_complaint
from services.feedback.remedies.domain import GRANT_REMEDY, RemedyKind
from services.feedback.remedies.refusals import (
    RemedyAboveComplaintLimit,
    RemedyAboveDayLimit,
    RemedyAboveEveryLimit,
)
from services.feedback.remedies.usecases.grant_remedy import NewRemedy, grant_remedy
from services.feedback.settings import Settings
from shared import approvals
from shared.approvals import ApprovalRecord, Proposal
from shared.context import Context
from shared.db import Tx, locks


async def ask_remedy(
    tx: Tx, context: Context[Settings], complaint_id: str, new: NewRemedy, key: bytes
) -> str | ApprovalRecord:
    """Grant a remedy and return its id, or propose it to a manager if it is above the agent's limits.

    Raises what `grant_remedy` raises, but an agent's refusals by a limit, and what `propose` raises, and
    RemedyAboveEveryLimit.
    """
    proposer = f"operator:{new.requested_by}"
    await locks.operators(tx, [proposer])
    try:
        async with tx.savepoint():
            return await grant_remedy(tx, context, complaint_id, new)
    except (RemedyAboveComplaintLimit, RemedyAboveDayLimit):
        if new.role is not ActorKind.AGENT:
            raise
    complaint = await lock_complaint(tx, complaint_id)
    return await approvals.propose(
        tx,
        context,
        Proposal(
            operation=GRANT_REMEDY,
            path={"complaint_id": complaint_id},
            body={
                "kind": RemedyKind.POINTS.value,
                "points": new.points,
                "reason": new.reason,
                "retry_of": new.retry_of,
            },
            key=key,
            object_id=complaint_id,
            customer_id=complaint.customer_id,
            identity_id=complaint.identity_id,
            proposed_by=proposer,
        ),
        lambda: _grant_as_any_manager(tx, context, complaint_id, new),
    )


async def _grant_as_any_manager(
    tx: Tx, context: Context[Settings], complaint_id: str, new: NewRemedy
) -> None:
    """Grant a remedy within the limits that every manager has at the beginning of a day."""
    try:
        await grant_remedy(
            tx, context, complaint_id, replace(new, role=ActorKind.MANAGER, awaits_approval=True)
        )
    except (RemedyAboveComplaintLimit, RemedyAboveDayLimit) as refusal:
        left = refusal.extra
        raise RemedyAboveEveryLimit(
            extra=left,
            points_max=left["points_max"],
            points_granted=left["points_granted"],
            points_left=left["points_left"],
        ) from refusal
