"""Time passes: clocks that have something to tell are told of, once each, with their own time."""

from datetime import timedelta
from typing import Final

from services.feedback.domain.machine import Action, Actor, ActorKind, Asked, Status
from services.feedback.storage import clocks, complaints
from services.feedback.usecases.book_transition import book_transition
from services.feedback.usecases.refold_clocks import Escalation, refold_clocks
from shared.db import Tx

PAGE_MAX: Final = 500


async def fire_clocks(tx: Tx, *, grace: timedelta) -> int:
    """Fire a page of what is due and return how many complaints it had.

    The lease makes it one sweeper, the key of what is told makes it once: the facts are read again under the
    complaints' locks, so a reply that came first wins.
    """
    due = await clocks.overdue(tx, tx.now - grace, PAGE_MAX)
    if due:
        locked = sorted(due)
        await complaints.lock_many(tx, locked)
        for escalation in await refold_clocks(tx, locked, grace):
            await _escalate(tx, escalation)
    return len(due)


async def _escalate(tx: Tx, escalation: Escalation) -> None:
    complaint = await complaints.read_locked(tx, escalation.complaint_id)
    if complaint.case.status is Status.CLOSED:
        return
    actor = Actor(ActorKind.SYSTEM, f"sla:{escalation.metric}:{escalation.level}")
    await book_transition(tx, complaint, Asked(Action.ESCALATE, actor, tx.now, reason=actor.id), None)
