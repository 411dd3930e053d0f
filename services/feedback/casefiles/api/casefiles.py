"""The case file: a complaint with everything that happened to it."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Annotated

from pydantic import Field

from services.feedback.complaints.domain import machine
from services.feedback.complaints.domain.complaint import Delivery, MessageKind
from services.feedback.complaints.domain.machine import ActorKind, Status
from services.feedback.complaints.queries import complaints
from services.feedback.complaints.queries.admission import READ_SCOPE, admit
from services.feedback.complaints.refusals import UnknownComplaint
from services.feedback.orders.queries import orders
from services.feedback.remedies.domain import RemedyStatus
from services.feedback.remedies.queries import remedies
from services.feedback.settings import Settings
from services.feedback.sla.queries import clocks
from services.feedback.sla.queries.shown_clocks import ClockOut, show_clocks
from shared import identity
from shared.db import Read
from shared.http.auth import OPERATORS, allow
from shared.http.dependencies import Caller, InContext, Reading
from shared.http.models import Choice, Response
from shared.http.routes import Router
from shared.vault import Keys

router = Router(tags=["complaints"])


class OrderState(StrEnum):
    """The state of the order that a complaint refers to."""

    KNOWN = "known"
    NOT_SEEN_YET = "not_seen_yet"


class MessageOut(Response):
    """A message on the complaint."""

    id: str
    kind: Annotated[MessageKind, Choice()]
    author: str | None = Field(description="The author; not shown to customers.")
    channel: str
    cycle: int
    occurred_at: datetime
    booked_at: datetime
    delivery: Annotated[Delivery, Choice()]
    body: str | None = Field(description="Null when the customer was erased.")


class TransitionOut(Response):
    """An action that was taken."""

    action: str
    from_status: str
    to_status: str
    outcome: str | None
    cycle: int
    occurred_at: datetime
    actor_kind: str
    actor: str | None = Field(description="Not shown to customers.")
    reason: str | None = Field(description="Customers see only their own reasons.")


class FollowUpOut(Response):
    """An attempt to ask the customer whether it was put right."""

    cycle: int
    attempt: int
    method: str
    result: str
    note: str | None
    by: str
    done_at: datetime


class RemedyOut(Response):
    """A remedy that was granted on the complaint."""

    id: str
    kind: str
    points: int | None
    status: Annotated[RemedyStatus, Choice()]
    granted_at: datetime
    deadline_at: datetime
    settled_at: datetime | None = Field(description="The time at which loyalty paid or refused it.")
    refusal_code: str | None
    transaction_id: str | None = Field(description="The ledger transaction that paid it.")
    requested_by: str | None = Field(description="Not shown to customers.")
    reason: str | None = Field(description="Not shown to customers.")
    retry_of: str | None


class OrderReturnOut(Response):
    """A return of units of the order."""

    return_id: str
    occurred_at: datetime
    amount_minor: int


class OrderLineOut(Response):
    """One line of the order."""

    line: int
    sku: str
    quantity: int
    amount_minor: int


class OrderOut(Response):
    """The order the complaint is about, as far as it is known."""

    source: str
    order_id: str
    state: Annotated[OrderState, Choice()]
    order_of_other_customer: bool = Field(description="The order is known, and another customer's.")
    purchase_id: str | None = None
    occurred_at: datetime | None = None
    currency: str | None = None
    amount_minor: int | None = None
    lines: list[OrderLineOut] = []
    returns: list[OrderReturnOut] = []


class ClockEventOut(Response):
    """A notice about a clock, with the versions of the policy and the calendar that it follows."""

    metric: str
    cycle: int
    ordinal: int
    kind: str
    level: int
    occurred_at: datetime
    detected_at: datetime
    reason: str
    due_at: datetime
    policy_id: str
    policy_version: int
    calendar_id: str
    calendar_version: int


class ComplaintOut(Response):
    """A complaint with everything that happened to it."""

    id: str
    number: str
    customer_id: str
    identity_id: str
    channel: str
    opened_by: str
    contact_at: datetime
    received_at: datetime
    title: str | None = Field(description="Null when the customer was erased.")
    body: str | None = Field(description="Null when the customer was erased.")
    status: str
    outcome: str | None
    owner: str | None = Field(description="Not shown to customers.")
    priority: str
    cycle: int
    review_level: int
    escalation_level: int
    duplicate_of: str | None
    follows: str | None
    closed_at: datetime | None
    version: int
    allowed: list[str] = Field(description="The actions that are legal now.")
    order: OrderOut | None
    clocks: list[ClockOut]
    messages: list[MessageOut]
    transitions: list[TransitionOut]
    follow_ups: list[FollowUpOut] = Field(description="Not shown to customers.")
    remedies: list[RemedyOut]
    sla_events: list[ClockEventOut] = Field(description="Not shown to customers.")


@router.get(
    "/v1/complaints/{complaint_id}",
    operation_id="get_complaint",
    summary="Read a complaint",
    allow=allow(OPERATORS, partner_scope=READ_SCOPE, customer="owned"),
    errors=(UnknownComplaint,),
)
async def get_complaint(
    read: Reading, context: InContext[Settings], caller: Caller, complaint_id: str
) -> ComplaintOut:
    """Read a complaint: its messages and transitions, its clocks, its remedies, and the order it is about.

    Customers see their own complaints, without notes and without the names and reasons of the staff.
    """
    complaint = await admit(read, caller, complaint_id)
    keys = await context.vault.keys(read, [complaint.identity_id])
    customer_id = await identity.customer_of(read, complaint.identity_id)
    reader = _Reader(complaint.identity_id, customer_id, keys, staff=caller.kind == "operator")
    actor_kind = ActorKind.MANAGER if reader.staff else ActorKind.CUSTOMER
    return ComplaintOut(
        id=complaint.id,
        number=complaint.number,
        customer_id=customer_id,
        identity_id=complaint.identity_id,
        channel=complaint.channel,
        opened_by=complaint.opened_by,
        contact_at=complaint.contact_at,
        received_at=complaint.received_at,
        title=reader.text("complaint.title", complaint.id, complaint.title_sealed),
        body=reader.text("complaint.body", complaint.id, complaint.body_sealed),
        status=complaint.status,
        outcome=complaint.outcome,
        owner=complaint.owner if reader.staff else None,
        priority=complaint.priority,
        cycle=complaint.cycle,
        review_level=complaint.review_level,
        escalation_level=complaint.escalation_level,
        duplicate_of=complaint.duplicate_of,
        follows=complaint.follows,
        closed_at=complaint.closed_at,
        version=complaint.version,
        allowed=[*machine.allowed(Status(complaint.status), actor_kind)],
        order=await _order(read, reader, complaint.order_source, complaint.order_id),
        clocks=(await show_clocks(read, [complaint.id]))[complaint.id],
        messages=await _messages(read, reader, complaint.id),
        transitions=await _transitions(read, reader, complaint.id),
        follow_ups=await _follow_ups(read, reader, complaint.id) if reader.staff else [],
        remedies=await _remedies(read, reader, complaint.id),
        sla_events=await _clock_events(read, complaint.id) if reader.staff else [],
    )


@dataclass(frozen=True, slots=True)
class _Reader:
    """A reader of one case file, with the keys that open its texts."""

    identity_id: str
    customer_id: str
    """The customer that the complaint belongs to today."""
    keys: Keys
    staff: bool
    """Whether the reader is an operator, who also sees notes, names and reasons."""

    def text(self, field: str, row_id: str, sealed: bytes | None) -> str | None:
        """Return a sealed text; None if there is none, or if the customer was erased."""
        if sealed is None or self.identity_id not in self.keys:
            return None
        return self.keys.open(self.identity_id, f"{field}/{row_id}", sealed)


async def _messages(read: Read, reader: _Reader, complaint_id: str) -> list[MessageOut]:
    return [
        MessageOut(
            id=message.id,
            kind=MessageKind(message.kind),
            author=message.author if reader.staff else None,
            channel=message.channel,
            cycle=message.cycle,
            occurred_at=message.occurred_at,
            booked_at=message.booked_at,
            delivery=Delivery(message.delivery),
            body=reader.text("message.body", message.id, message.body_sealed),
        )
        for message in await complaints.messages_of(read, complaint_id)
        if reader.staff or message.visible
    ]


async def _transitions(read: Read, reader: _Reader, complaint_id: str) -> list[TransitionOut]:
    return [
        TransitionOut(
            action=transition.action,
            from_status=transition.from_status,
            to_status=transition.to_status,
            outcome=transition.outcome,
            cycle=transition.cycle,
            occurred_at=transition.occurred_at,
            actor_kind=transition.actor_kind,
            actor=transition.actor if reader.staff else None,
            reason=reader.text("transition.reason", transition.id, transition.reason_sealed)
            if reader.staff or transition.actor_kind == ActorKind.CUSTOMER.value
            else None,
        )
        for transition in await complaints.transitions_of(read, complaint_id)
    ]


async def _follow_ups(read: Read, reader: _Reader, complaint_id: str) -> list[FollowUpOut]:
    return [
        FollowUpOut(
            cycle=follow_up.cycle,
            attempt=follow_up.attempt,
            method=follow_up.method,
            result=follow_up.result,
            note=reader.text("follow_up.note", follow_up.id, follow_up.note_sealed),
            by=follow_up.by,
            done_at=follow_up.done_at,
        )
        for follow_up in await complaints.follow_ups_of(read, complaint_id)
    ]


async def _remedies(read: Read, reader: _Reader, complaint_id: str) -> list[RemedyOut]:
    return [
        RemedyOut(
            id=remedy.id,
            kind=remedy.kind,
            points=remedy.points,
            status=RemedyStatus(remedy.status),
            granted_at=remedy.granted_at,
            deadline_at=remedy.deadline_at,
            settled_at=remedy.settled_at,
            refusal_code=remedy.refusal_code,
            transaction_id=remedy.loyalty_txn,
            requested_by=remedy.requested_by if reader.staff else None,
            reason=reader.text("remedy.reason", remedy.id, remedy.reason_sealed) if reader.staff else None,
            retry_of=remedy.retry_of,
        )
        for remedy in await remedies.remedies_of(read, complaint_id)
    ]


async def _order(read: Read, reader: _Reader, source: str | None, order_id: str | None) -> OrderOut | None:
    """Return the order behind the reference, joined now: it makes no difference which of the two came first."""
    if source is None or order_id is None:
        return None
    order = await orders.find_order(read, source, order_id)
    if order is None or (order.owner_id != reader.customer_id and not reader.staff):
        return OrderOut(
            source=source, order_id=order_id, state=OrderState.NOT_SEEN_YET, order_of_other_customer=False
        )
    return OrderOut(
        source=source,
        order_id=order_id,
        state=OrderState.KNOWN,
        order_of_other_customer=order.owner_id != reader.customer_id,
        purchase_id=order.purchase_id,
        occurred_at=order.occurred_at,
        currency=order.currency,
        amount_minor=order.amount_minor,
        lines=[
            OrderLineOut(line=line.line, sku=line.sku, quantity=line.quantity, amount_minor=line.amount_minor)
            for line in order.lines
        ],
        returns=[
            OrderReturnOut(
                return_id=order_return.return_id,
                occurred_at=order_return.occurred_at,
                amount_minor=order_return.amount_minor,
            )
            for order_return in await orders.returns_of_order(read, order.purchase_id)
        ],
    )


async def _clock_events(read: Read, complaint_id: str) -> list[ClockEventOut]:
    return [
        ClockEventOut(
            metric=notice.metric,
            cycle=notice.cycle,
            ordinal=notice.ordinal,
            kind=notice.kind,
            level=notice.level,
            occurred_at=notice.occurred_at,
            detected_at=notice.detected_at,
            reason=notice.reason,
            due_at=notice.due_at,
            policy_id=notice.policy_id,
            policy_version=notice.policy_version,
            calendar_id=notice.calendar_id,
            calendar_version=notice.calendar_version,
        )
        for notice in await clocks.notices_of(read, complaint_id)
    ]
