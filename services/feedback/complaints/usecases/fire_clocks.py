"""Time passes: clocks that are due give their notices, once each, with their own time."""

from collections.abc import Sequence

from services.feedback.complaints.domain.machine import (
    Actor,
    ActorKind,
    Asked,
    ComplaintAction,
    ComplaintStatus,
)
from services.feedback.complaints.steps.book_transition import book_transition
from services.feedback.complaints.steps.lock_complaints import read_locked
from services.feedback.complaints.steps.update_clocks import update_clocks
from services.feedback.complaints.storage import complaints
from services.feedback.settings import Settings
from services.feedback.sla.domain.history import Escalation
from shared.context import Context
from shared.db import Tx


async def fire_clocks(tx: Tx, context: Context[Settings], complaint_ids: Sequence[str]) -> int:
    """Give the notices of the due clocks of these complaints and return the number of complaints.

    A version of a policy or calendar that has taken over since moves the clocks of open complaints that it applies to.
    The lease allows one sweeper, and the key of a notice gives it once. The facts are read again under the
    complaints' locks, so a reply that came first wins.
    """
    due = sorted(complaint_ids)
    await complaints.lock_only(tx, due)
    for escalation in await update_clocks(tx, context, due):
        await _escalate(tx, escalation)
    return len(due)


async def _escalate(tx: Tx, escalation: Escalation) -> None:
    complaint = await read_locked(tx, escalation.complaint_id)
    if complaint.case.status is ComplaintStatus.CLOSED:
        return
    actor = Actor(ActorKind.SYSTEM, f"sla:{escalation.metric}:{escalation.level}")
    await book_transition(
        tx, complaint, Asked(ComplaintAction.ESCALATE, actor, tx.now, reason=actor.id), None
    )
