"""Somebody writes a message on a complaint."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from services.feedback.complaints.domain.complaint import Delivery, WrittenKind
from services.feedback.complaints.domain.machine import WAITING, Action, Actor, ActorKind, Asked
from services.feedback.complaints.refusals import MessageKindForbidden, MessageTimeRefused
from services.feedback.complaints.steps.book_transition import book_transition
from services.feedback.complaints.steps.lock_complaints import lock_complaint
from services.feedback.complaints.steps.update_clocks import update_clocks
from services.feedback.complaints.storage import complaints, messages
from services.feedback.complaints.storage.tables import MessageRecord
from services.feedback.settings import Settings
from services.feedback.sla.domain.facts import BACKDATING_MAX
from shared.auth.principal import SubjectKind
from shared.context import Context
from shared.db import Tx
from shared.ids import new_id

MESSAGE_WITHIN: Final = timedelta(days=30)
AUTOMATIC: Final = Actor(ActorKind.SYSTEM, "customer_message")


@dataclass(frozen=True, slots=True)
class NewMessage:
    """A message to add. Only operators and partners, who write down past messages, give `occurred_at`."""

    kind: WrittenKind
    body: str
    author: Actor
    by: SubjectKind
    channel: str | None = None
    occurred_at: datetime | None = None


async def add_message(tx: Tx, context: Context[Settings], complaint_id: str, new: NewMessage) -> str:
    """Add a message and return its id. A customer's message ends waiting.

    Raises MessageKindForbidden, MessageTimeRefused, UnknownComplaint and CustomerErased.
    """
    if new.kind != WrittenKind.CUSTOMER and new.by != "operator":
        raise MessageKindForbidden
    complaint = await lock_complaint(tx, complaint_id)
    occurred_at = _occurred_at(new, tx.now)
    keys = await context.vault.new_subject(tx, [complaint.identity_id])
    message_id = new_id("msg")
    dated_back = new.kind == WrittenKind.AGENT and tx.now - occurred_at > BACKDATING_MAX
    await messages.add(
        tx,
        MessageRecord(
            id=message_id,
            complaint_id=complaint.id,
            cycle=complaint.case.cycle,
            kind=new.kind.value,
            author=new.author.id,
            channel=new.channel or complaint.channel,
            visible=new.kind != WrittenKind.NOTE,
            occurred_at=occurred_at,
            booked_at=tx.now,
            body_sealed=keys.seal(complaint.identity_id, f"message.body/{message_id}", new.body),
            delivery=Delivery.SENT.value,
            confirmed_by=new.author.id if dated_back and new.author.kind is ActorKind.MANAGER else None,
            dedupe_key=None,
        ),
    )
    if new.kind == WrittenKind.CUSTOMER and complaint.case.status in WAITING:
        await book_transition(tx, complaint, Asked(Action.RESUME, AUTOMATIC, tx.now), None)
    else:
        await complaints.touch(tx, complaint.id)
    await update_clocks(tx, context, [complaint.id])
    return message_id


def _occurred_at(new: NewMessage, now: datetime) -> datetime:
    if new.occurred_at is None:
        return now
    if new.by == "customer" or not now - MESSAGE_WITHIN <= new.occurred_at <= now:
        raise MessageTimeRefused(days=MESSAGE_WITHIN.days)
    return new.occurred_at
