"""Somebody says something on a complaint."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Literal

from services.feedback.domain.facts import BACKDATING_MAX
from services.feedback.domain.machine import WAITING, Action, Actor, ActorKind, Asked
from services.feedback.domain.refusals import MessageKindForbidden, MessageTimeRefused
from services.feedback.storage import complaints, course
from services.feedback.usecases.book_transition import book_transition
from services.feedback.usecases.refold_clocks import refold_clocks
from shared.db import Tx
from shared.ids import new_id
from shared.vault import Vault

MESSAGE_WITHIN: Final = timedelta(days=30)
AUTOMATIC: Final = Actor(ActorKind.SYSTEM, "customer_message")


@dataclass(frozen=True, slots=True)
class NewMessage:
    """What is said, by whom; `occurred_at` only where somebody else than the customer writes down a past one."""

    kind: Literal["customer", "agent", "note"]
    body: str
    author: Actor
    by: Literal["operator", "partner", "customer"]
    channel: str | None = None
    occurred_at: datetime | None = None


async def add_message(tx: Tx, vault: Vault, complaint_id: str, new: NewMessage, *, grace: timedelta) -> str:
    """Add a message and return its id; a customer's message ends waiting. Raises what is refused about it."""
    if new.kind != "customer" and new.by != "operator":
        raise MessageKindForbidden
    complaint = await complaints.lock(tx, complaint_id)
    occurred_at = _occurred_at(new, tx.now)
    keys = await vault.new_subject(tx, [complaint.identity_id])
    message_id = new_id("msg")
    dated_back = new.kind == "agent" and tx.now - occurred_at > BACKDATING_MAX
    await course.add_message(
        tx,
        {
            "id": message_id,
            "complaint_id": complaint.id,
            "cycle": complaint.case.cycle,
            "kind": new.kind,
            "author": new.author.id,
            "channel": new.channel or complaint.channel,
            "visible": new.kind != "note",
            "occurred_at": occurred_at,
            "booked_at": tx.now,
            "body_sealed": keys.seal(complaint.identity_id, f"message.body/{message_id}", new.body),
            "delivery": "sent",
            "confirmed_by": new.author.id if dated_back and new.author.kind is ActorKind.MANAGER else None,
            "dedupe_key": None,
        },
    )
    if new.kind == "customer" and complaint.case.status in WAITING:
        await book_transition(tx, complaint, Asked(Action.RESUME, AUTOMATIC, tx.now), None)
    else:
        await complaints.touch(tx, complaint.id)
    await refold_clocks(tx, [complaint.id], grace)
    return message_id


def _occurred_at(new: NewMessage, now: datetime) -> datetime:
    if new.occurred_at is None:
        return now
    if new.by == "customer" or not now - MESSAGE_WITHIN <= new.occurred_at <= now:
        raise MessageTimeRefused(days=MESSAGE_WITHIN.days)
    return new.occurred_at
