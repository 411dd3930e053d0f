"""Somebody writes a message on a complaint."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from services.feedback.complaints.domain.complaint import Complaint, Delivery, OpenedBy, WrittenKind
from services.feedback.complaints.domain.machine import (
    WAITING,
    Actor,
    ActorKind,
    Asked,
    ComplaintAction,
    reopens,
)
from services.feedback.complaints.refusals import MessageKindForbidden, MessageTimeRefused
from services.feedback.complaints.steps.book_transition import book_transition
from services.feedback.complaints.steps.lock_addressee import lock_addressee
from services.feedback.complaints.steps.lock_complaints import lock_complaint, read_locked
from services.feedback.complaints.steps.update_clocks import update_clocks
from services.feedback.complaints.storage import complaints, messages
from services.feedback.complaints.storage.tables import MessageRecord
from services.feedback.complaints.usecases.open_complaint import NewComplaint, open_complaint
from services.feedback.settings import Settings
from services.feedback.sla.domain.facts import BACKDATING_MAX
from shared.auth.principal import SubjectKind
from shared.context import Context
from shared.db import Tx
from shared.identity.brought import issuer_of
from shared.ids import new_id

MESSAGE_WITHIN: Final = timedelta(days=30)
AUTOMATIC: Final = Actor(ActorKind.SYSTEM, "customer_message")
OPENED_BY: Final[Mapping[SubjectKind, OpenedBy]] = {
    "operator": OpenedBy.AGENT,
    "partner": OpenedBy.PARTNER,
    "customer": OpenedBy.CUSTOMER,
}


@dataclass(frozen=True, slots=True)
class NewMessage:
    """A message to add. Only operators and partners, who write down past messages, give `occurred_at`."""

    kind: WrittenKind
    body: str
    author: Actor
    by: SubjectKind
    channel: str | None = None
    occurred_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class AddedMessage:
    """A message that was stored, and the complaint that it is on: not always the one that it was sent to."""

    id: str
    complaint_id: str


async def add_message(tx: Tx, context: Context[Settings], complaint_id: str, new: NewMessage) -> AddedMessage:
    """Add a message. A customer's message ends waiting, and it is never left on a complaint that nobody works on.

    It reopens a closed complaint within the limit. Later a new complaint follows, and a merged complaint's message goes
    to the target of its merge. Raises MessageKindForbidden, MessageTimeRefused, UnknownComplaint and CustomerErased.
    """
    if new.kind != WrittenKind.CUSTOMER and new.by != "operator":
        raise MessageKindForbidden
    if new.kind != WrittenKind.CUSTOMER:
        complaint = await lock_complaint(tx, complaint_id)
    else:
        complaint = await lock_addressee(tx, complaint_id, new.occurred_at)
    occurred_at = _occurred_at(new, tx.now)
    if new.kind == WrittenKind.CUSTOMER:
        complaint = await _take_up(tx, context, complaint, new, occurred_at)
    message_id = await _store(tx, context, complaint, new, occurred_at)
    await complaints.touch(tx, complaint.id)
    await update_clocks(tx, context, [complaint.id])
    return AddedMessage(message_id, complaint.id)


async def _take_up(
    tx: Tx, context: Context[Settings], complaint: Complaint, new: NewMessage, occurred_at: datetime
) -> Complaint:
    """Return the complaint on which somebody answers a customer's message: this one going on, or a new one."""
    case = complaint.case
    if case.status in WAITING:
        return await book_transition(tx, complaint, Asked(ComplaintAction.RESUME, AUTOMATIC, tx.now), None)
    if case.closed_at is None:
        return complaint
    if reopens(case.outcome, case.closed_at, occurred_at):
        # Whoever writes has the promise from their message on, as at an opening.
        at = max(occurred_at, case.closed_at)
        return await book_transition(
            tx, complaint, Asked(ComplaintAction.REOPEN, AUTOMATIC, at, reason=AUTOMATIC.id), None
        )
    return await _follow(tx, context, complaint, new)


async def _follow(tx: Tx, context: Context[Settings], complaint: Complaint, new: NewMessage) -> Complaint:
    """Open a complaint that follows one that is over, under its title."""
    former = await complaints.find(tx, complaint.id)
    keys = await context.vault.new_subject(tx, [former.identity_id])
    opened_by, opened_by_id, contact_at = OPENED_BY[new.by], new.author.id, new.occurred_at
    if opened_by is OpenedBy.PARTNER and opened_by_id != former.opened_by_id:
        # The partner's complaint was merged into one of somebody else, who goes on with it.
        opened_by, opened_by_id, contact_at = OpenedBy(former.opened_by), former.opened_by_id, None
    follower = NewComplaint(
        identity_id=former.identity_id,
        channel=new.channel or former.channel,
        title=keys.open(former.identity_id, f"complaint.title/{former.id}", former.title_sealed),
        body=new.body,
        opened_by=opened_by,
        opened_by_id=opened_by_id,
        issuer=await issuer_of(tx, former.identity_id),
        contact_at=contact_at,
        follows=former.id,
    )
    return await read_locked(tx, await open_complaint(tx, context, follower))


async def _store(
    tx: Tx, context: Context[Settings], complaint: Complaint, new: NewMessage, occurred_at: datetime
) -> str:
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
    return message_id


def _occurred_at(new: NewMessage, now: datetime) -> datetime:
    if new.occurred_at is None:
        return now
    if new.by == "customer" or not now - MESSAGE_WITHIN <= new.occurred_at <= now:
        raise MessageTimeRefused(days=MESSAGE_WITHIN.days)
    return new.occurred_at
