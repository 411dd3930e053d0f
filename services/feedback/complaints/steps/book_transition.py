"""An action of the machine is decided, stored and published."""

from dataclasses import replace
from datetime import datetime
from typing import TypedDict

from services.feedback.complaints.domain import machine
from services.feedback.complaints.domain.complaint import Complaint
from services.feedback.complaints.domain.machine import Asked, Case, ComplaintAction, ComplaintStatus
from services.feedback.complaints.storage import complaints, transitions
from services.feedback.complaints.storage.tables import TransitionRecord
from shared import audit
from shared.audit import Change
from shared.db import Tx
from shared.events.base import Cause
from shared.events.feedback import ComplaintAnswered, ComplaintClosed, ComplaintReopened
from shared.ids import new_id
from shared.vault import Keys


async def book_transition(tx: Tx, complaint: Complaint, asked: Asked, keys: Keys | None) -> Complaint:
    """Take the action on a locked complaint and return the complaint after it. Raises the machine's refusals.

    `keys` seal the reason. Without them (the system acts, or the customer is being erased) no reason is stored.
    """
    before = complaint.case
    decided = machine.decide(before, asked)
    after = replace(decided, closed_at=_closed_at(before, decided, tx.now))
    transition_id = new_id("tra")
    await complaints.update_case(tx, complaint.id, after)
    await transitions.add(
        tx,
        TransitionRecord(
            id=transition_id,
            complaint_id=complaint.id,
            cycle=after.cycle,
            action=asked.action.value,
            from_status=before.status.value,
            to_status=after.status.value,
            outcome=None if after.outcome is None else after.outcome.value,
            actor_kind=asked.actor.kind.value,
            actor=asked.actor.id,
            reason_sealed=_sealed(complaint, transition_id, asked, keys),
            occurred_at=asked.at,
            booked_at=tx.now,
            backdated=False,
        ),
    )
    audit.note(tx, changes=[Change(complaint.id, "status", before.status.value, after.status.value)])
    _publish(tx, complaint, after, asked, transition_id)
    return replace(complaint, case=after)


def _closed_at(before: Case, after: Case, now: datetime) -> datetime | None:
    if after.status is not ComplaintStatus.CLOSED:
        return None
    return before.closed_at or now


def _sealed(complaint: Complaint, transition_id: str, asked: Asked, keys: Keys | None) -> bytes | None:
    if asked.reason is None or keys is None:
        return None
    return keys.seal(complaint.identity_id, f"transition.reason/{transition_id}", asked.reason)


class _ChangeFields(TypedDict):
    """The fields of every event about a change of a complaint."""

    identity_id: str
    customer_id: str
    occurred_at: datetime
    cause: Cause
    complaint_id: str
    cycle: int
    status: str


def _publish(tx: Tx, complaint: Complaint, after: Case, asked: Asked, transition_id: str) -> None:
    fields = _ChangeFields(
        identity_id=complaint.identity_id,
        customer_id=complaint.customer_id,
        occurred_at=asked.at,
        cause=Cause(kind="transition", id=transition_id),
        complaint_id=complaint.id,
        cycle=after.cycle,
        status=after.status.value,
    )
    if asked.action is ComplaintAction.ANSWER:
        tx.publish(ComplaintAnswered(**fields))
    elif asked.action is ComplaintAction.REOPEN:
        tx.publish(ComplaintReopened(**fields))
    elif after.outcome is not None:
        tx.publish(ComplaintClosed(**fields, outcome=after.outcome.value))
