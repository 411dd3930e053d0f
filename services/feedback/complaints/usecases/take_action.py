"""Somebody takes one of the machine's actions on a complaint."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from services.feedback.complaints.domain.complaint import Complaint, Delivery, MessageKind
from services.feedback.complaints.domain.machine import (
    NEEDS_REPLY,
    WAITING,
    Actor,
    ActorKind,
    Asked,
    ComplaintAction,
    ComplaintOutcome,
    ComplaintStatus,
    FollowUpResult,
    Target,
)
from services.feedback.complaints.refusals import UnknownComplaint
from services.feedback.complaints.steps.book_transition import book_transition
from services.feedback.complaints.steps.lock_complaints import lock_complaints
from services.feedback.complaints.steps.update_clocks import update_clocks
from services.feedback.complaints.storage import complaints, follow_ups, messages
from services.feedback.complaints.storage.histories import histories_of
from services.feedback.complaints.storage.tables import FollowUpRecord, MessageRecord
from services.feedback.settings import Settings
from services.feedback.sla.domain.waiting import waiting
from services.feedback.sla.queries import clocks
from shared.context import Context
from shared.db import Tx
from shared.ids import new_id
from shared.preconditions import UNCONDITIONAL, Precondition
from shared.vault import Keys

AUTOMATIC: Final = Actor(ActorKind.SYSTEM, "merge")


@dataclass(frozen=True, slots=True)
class FollowUp:
    """An attempt to ask the customer whether the complaint was put right, with its result."""

    method: str
    result: FollowUpResult
    note: str | None = None
    due_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class ActionRequest:
    """An action that somebody asks for, with everything that comes with it."""

    action: ComplaintAction
    actor: Actor
    reason: str | None = None
    outcome: ComplaintOutcome | None = None
    owner: str | None = None
    follow_up: FollowUp | None = None
    duplicate_of: str | None = None
    precondition: Precondition = UNCONDITIONAL


async def take_action(tx: Tx, context: Context[Settings], complaint_id: str, request: ActionRequest) -> None:
    """Take the action. Raises UnknownComplaint, CustomerErased, PreconditionFailed, and the refusals of the machine."""
    named = [complaint_id] if request.duplicate_of is None else [complaint_id, request.duplicate_of]
    locked = await lock_complaints(tx, named)
    if complaint_id not in locked:
        raise UnknownComplaint
    complaint = locked[complaint_id]
    request.precondition.check(complaint.version)
    asked = Asked(
        action=request.action,
        actor=request.actor,
        at=tx.now,
        reason=request.reason,
        outcome=request.outcome,
        owner=request.owner,
        target=_target(locked, complaint, request.duplicate_of),
        unreached=None if request.follow_up is None else request.follow_up.result == FollowUpResult.UNREACHED,
        customer_waits=request.action in NEEDS_REPLY and await _waits(tx, complaint_id),
    )
    keys = await context.vault.new_subject(
        tx, (locked_complaint.identity_id for locked_complaint in locked.values())
    )
    await book_transition(tx, complaint, asked, keys)
    if request.follow_up is not None:
        await _store_follow_up(tx, complaint, request.follow_up, request.actor, keys)
    if request.duplicate_of is not None:
        await _mark_merge(tx, complaint, locked[request.duplicate_of], keys)
    await update_clocks(tx, context, sorted(locked))


async def _waits(tx: Tx, complaint_id: str) -> bool:
    (history,) = await histories_of(tx, [complaint_id])
    return waiting(history.facts) is not None


def _target(locked: Mapping[str, Complaint], source: Complaint, target_id: str | None) -> Target | None:
    """Return the target of a merge, also of an unknown one: a caller that may not merge must not learn which exist."""
    if target_id is None:
        return None
    if target_id not in locked:
        return Target(target_id, open=False, same_customer=False, exists=False)
    target = locked[target_id]
    return Target(
        target.id,
        open=target.case.status is not ComplaintStatus.CLOSED,
        same_customer=target.customer_id == source.customer_id,
    )


async def _store_follow_up(
    tx: Tx, complaint: Complaint, follow_up: FollowUp, actor: Actor, keys: Keys
) -> None:
    follow_up_id = new_id("fol")
    note = None
    if follow_up.note is not None:
        note = keys.seal(complaint.identity_id, f"follow_up.note/{follow_up_id}", follow_up.note)
    await follow_ups.add(
        tx,
        FollowUpRecord(
            id=follow_up_id,
            complaint_id=complaint.id,
            cycle=complaint.case.cycle,
            attempt=complaint.case.follow_ups + 1,
            due_at=follow_up.due_at,
            method_sealed=keys.seal(
                complaint.identity_id, f"follow_up.method/{follow_up_id}", follow_up.method
            ),
            result=follow_up.result.value,
            note_sealed=note,
            by=actor.id,
            done_at=tx.now,
        ),
    )


async def _mark_merge(tx: Tx, source: Complaint, target: Complaint, keys: Keys) -> None:
    """Leave a message on the target, dated back to the time since when the source's customer has been waiting.

    A customer that waits for us ends the target's waiting, like a message of the customer there.
    """
    waiting_since = await clocks.waiting_since(tx, source.id)
    message_id = new_id("msg")
    text = f"{source.number} → {target.number}"
    await messages.add(
        tx,
        MessageRecord(
            id=message_id,
            complaint_id=target.id,
            cycle=target.case.cycle,
            kind=MessageKind.SYSTEM.value,
            author=AUTOMATIC.id,
            channel="system",
            visible=False,
            occurred_at=waiting_since or tx.now,
            booked_at=tx.now,
            body_sealed=keys.seal(target.identity_id, f"message.body/{message_id}", text),
            delivery=Delivery.SENT.value,
            confirmed_by=None,
            dedupe_key=None,
        ),
    )
    if waiting_since is not None and target.case.status in WAITING:
        await book_transition(tx, target, Asked(ComplaintAction.RESUME, AUTOMATIC, tx.now), None)
    else:
        await complaints.touch(tx, target.id)
