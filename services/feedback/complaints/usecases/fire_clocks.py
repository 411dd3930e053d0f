"""Time passes: clocks that are due give their notices, once each, with their own time."""

from typing import Final

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
from services.feedback.sla.queries import clocks
from shared.context import Context
from shared.db import Tx

PAGE_MAX: Final = 500


async def fire_clocks(tx: Tx, context: Context[Settings]) -> int:
    """Give the notices of a page of due clocks and return the number of their complaints.

    A version of a policy or calendar that has taken over since moves the clocks of open complaints that it applies to.
    The lease allows one sweeper, and the key of a notice gives it once. The facts are read again under the
    complaints' locks, so a reply that came first wins.
    """
    until = tx.now - context.settings.sla_grace
    behind = await complaints.behind_rules(tx, await clocks.rules_applied(tx, until), PAGE_MAX)
    due = {*await clocks.due(tx, until, PAGE_MAX), *behind}
    if due:
        complaint_ids = sorted(due)
        await complaints.lock_only(tx, complaint_ids)
        for escalation in await update_clocks(tx, context, complaint_ids):
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
