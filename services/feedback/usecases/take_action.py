"""Somebody takes one of the machine's actions on a complaint."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

from services.feedback.domain.machine import Action, Actor, Asked, Outcome, Status, Target
from services.feedback.domain.policy import Metric
from services.feedback.domain.refusals import UnknownComplaint
from services.feedback.storage import clocks, complaints, course
from services.feedback.storage.complaints import Complaint
from services.feedback.usecases.book_transition import book_transition
from services.feedback.usecases.refold_clocks import refold_clocks
from shared.db import Tx
from shared.ids import new_id
from shared.vault import Keys, Vault


@dataclass(frozen=True, slots=True)
class FollowUp:
    """An attempt to ask the customer: how, and what came of it."""

    method: str
    result: Literal["satisfied", "partly", "not_satisfied", "unreached"]
    note: str | None = None
    due_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Wanted:
    """An action that somebody asks for, with what comes with it."""

    action: Action
    actor: Actor
    reason: str | None = None
    outcome: Outcome | None = None
    owner: str | None = None
    follow_up: FollowUp | None = None
    duplicate_of: str | None = None


async def take_action(tx: Tx, vault: Vault, complaint_id: str, wanted: Wanted, *, grace: timedelta) -> None:
    """Take the action, or raise what the machine says is missing."""
    named = [complaint_id] if wanted.duplicate_of is None else [complaint_id, wanted.duplicate_of]
    found = await complaints.lock_all(tx, named)
    if complaint_id not in found:
        raise UnknownComplaint
    complaint = found[complaint_id]
    asked = Asked(
        action=wanted.action,
        actor=wanted.actor,
        at=tx.now,
        reason=wanted.reason,
        outcome=wanted.outcome,
        owner=wanted.owner,
        target=_target(found, complaint, wanted.duplicate_of),
        unreached=None if wanted.follow_up is None else wanted.follow_up.result == "unreached",
    )
    keys = await vault.new_subject(tx, (one.identity_id for one in found.values()))
    await book_transition(tx, complaint, asked, keys)
    if wanted.follow_up is not None:
        await _record(tx, complaint, wanted.follow_up, wanted.actor, keys)
    if wanted.duplicate_of is not None:
        await _inherit(tx, complaint, found[wanted.duplicate_of], keys)
    await refold_clocks(tx, sorted(found), grace)


def _target(found: Mapping[str, Complaint], source: Complaint, target_id: str | None) -> Target | None:
    """What the action names, also where there is no such complaint: who may not merge must not learn which."""
    if target_id is None:
        return None
    if target_id not in found:
        return Target(target_id, open=False, same_customer=False, exists=False)
    target = found[target_id]
    return Target(
        target.id,
        open=target.case.status is not Status.CLOSED,
        same_customer=target.customer_id == source.customer_id,
    )


async def _record(tx: Tx, complaint: Complaint, done: FollowUp, by: Actor, keys: Keys) -> None:
    follow_up_id = new_id("fol")
    note = None
    if done.note is not None:
        note = keys.seal(complaint.identity_id, f"follow_up.note/{follow_up_id}", done.note)
    await course.add_follow_up(
        tx,
        {
            "id": follow_up_id,
            "complaint_id": complaint.id,
            "cycle": complaint.case.cycle,
            "attempt": complaint.case.follow_ups + 1,
            "due_at": done.due_at,
            "method": done.method,
            "result": done.result,
            "note_sealed": note,
            "by": by.id,
            "done_at": tx.now,
        },
    )


async def _inherit(tx: Tx, source: Complaint, target: Complaint, keys: Keys) -> None:
    """Mark on the target what was merged into it, and since when the customer of the source has been waiting."""
    message_id = new_id("msg")
    waiting = [
        row["started_at"] for row in (await clocks.stored(tx, [source.id])).values() if _is_waited_for(row)
    ]
    await course.add_message(
        tx,
        {
            "id": message_id,
            "complaint_id": target.id,
            "cycle": target.case.cycle,
            "kind": "system",
            "author": "merge",
            "channel": "system",
            "visible": False,
            "occurred_at": min(waiting, default=tx.now),
            "booked_at": tx.now,
            "body_sealed": keys.seal(
                target.identity_id, f"message.body/{message_id}", f"{source.number} → {target.number}"
            ),
            "delivery": "sent",
            "confirmed_by": None,
            "dedupe_key": None,
        },
    )
    await complaints.touch(tx, target.id)


def _is_waited_for(row: Mapping[str, Any]) -> bool:
    """Whether the clock runs for a customer's message that nobody has answered."""
    return (
        row["metric"] in {Metric.FIRST_RESPONSE.value, Metric.NEXT_RESPONSE.value}
        and row["fulfilled_at"] is None
        and row["cancelled_reason"] is None
    )
