"""An action of the machine, decided, written down and told."""

from dataclasses import replace
from datetime import datetime
from typing import Any

from services.feedback.domain import machine
from services.feedback.domain.machine import Action, Asked, Case, Status
from services.feedback.storage import complaints, course
from services.feedback.storage.complaints import Complaint
from shared.db import Tx
from shared.events.base import Cause
from shared.events.feedback import ComplaintAnswered, ComplaintClosed, ComplaintReopened
from shared.ids import new_id
from shared.vault import Keys


async def book_transition(tx: Tx, complaint: Complaint, asked: Asked, keys: Keys | None) -> Complaint:
    """Take the action on a locked complaint and return it as it is then; raises what the machine refuses.

    `keys` seal the reason; without them (the system acts, or the customer is being erased) none is kept.
    """
    before = complaint.case
    after = machine.decide(before, asked)
    closed_at = _closed_at(before, after, tx.now)
    after = replace(after, closed_at=closed_at)
    transition_id = new_id("tra")
    await complaints.put(tx, complaint.id, after, closed_at)
    await course.add_transition(
        tx,
        {
            "id": transition_id,
            "complaint_id": complaint.id,
            "cycle": after.cycle,
            "action": asked.action.value,
            "from_status": before.status.value,
            "to_status": after.status.value,
            "outcome": None if after.outcome is None else after.outcome.value,
            "actor_kind": asked.actor.kind.value,
            "actor": asked.actor.id,
            "reason_sealed": _sealed(complaint, transition_id, asked, keys),
            "occurred_at": asked.at,
            "booked_at": tx.now,
            "backdated": False,
        },
    )
    _tell(tx, complaint, after, asked, transition_id)
    return replace(complaint, case=after)


def _closed_at(before: Case, after: Case, now: datetime) -> datetime | None:
    if after.status is not Status.CLOSED:
        return None
    return before.closed_at or now


def _sealed(complaint: Complaint, transition_id: str, asked: Asked, keys: Keys | None) -> bytes | None:
    if asked.reason is None or keys is None:
        return None
    return keys.seal(complaint.identity_id, f"transition.reason/{transition_id}", asked.reason)


def _tell(tx: Tx, complaint: Complaint, after: Case, asked: Asked, transition_id: str) -> None:
    fields: dict[str, Any] = {
        "identity_id": complaint.identity_id,
        "customer_id": complaint.customer_id,
        "occurred_at": asked.at,
        "cause": Cause(kind="transition", id=transition_id),
        "complaint_id": complaint.id,
        "cycle": after.cycle,
        "status": after.status.value,
    }
    if asked.action is Action.ANSWER:
        tx.publish(ComplaintAnswered(**fields))
    elif asked.action is Action.REOPEN:
        tx.publish(ComplaintReopened(**fields))
    elif after.outcome is not None:
        tx.publish(ComplaintClosed(**fields, outcome=after.outcome.value))
