"""A complaint with everything that happened to it."""

from datetime import datetime
from typing import Any, Literal

from pydantic import Field

from services.feedback.api.shown import READ_SCOPE, ClockOut, admit, clocks_out
from services.feedback.domain import machine
from services.feedback.domain.machine import ActorKind, Status
from services.feedback.domain.refusals import UnknownComplaint
from services.feedback.storage import clocks, course, orders, remedies
from shared import identity
from shared.db import Read
from shared.http.auth import OPERATORS, allow
from shared.http.dependencies import Caller, Reading, Vaulted
from shared.http.models import Response
from shared.http.routes import Router
from shared.vault import Keys

router = Router(tags=["complaints"])


class MessageOut(Response):
    """Something that was said."""

    id: str
    kind: Literal["customer", "agent", "note", "system", "bot"]
    author: str | None = Field(description="Who wrote it; not shown to customers.")
    channel: str
    cycle: int
    occurred_at: datetime
    booked_at: datetime
    delivery: Literal["queued", "sent", "failed"]
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
    reason: str | None = Field(description="Shown to customers only where it is their own.")


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
    """What was granted to make good."""

    id: str
    kind: str
    points: int | None
    status: Literal["proposed", "granted", "overdue", "settled", "refused", "cancelled"]
    granted_at: datetime
    deadline_at: datetime
    settled_at: datetime | None = Field(description="When loyalty's answer came: paid, or refused.")
    refusal_code: str | None
    transaction_id: str | None = Field(description="The ledger transaction that paid it.")
    requested_by: str | None = Field(description="Not shown to customers.")
    reason: str | None = Field(description="Not shown to customers.")
    retry_of: str | None


class OrderReturnOut(Response):
    """What of the order went back."""

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
    state: Literal["known", "not_seen_yet"]
    order_of_other_customer: bool = Field(description="The order is known, and another customer's.")
    purchase_id: str | None = None
    occurred_at: datetime | None = None
    currency: str | None = None
    amount_minor: int | None = None
    lines: list[OrderLineOut] = []
    returns: list[OrderReturnOut] = []


class ClockEventOut(Response):
    """What was told of a clock, and by which rules."""

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
    """A complaint, whole."""

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
async def get_complaint(read: Reading, vault: Vaulted, caller: Caller, complaint_id: str) -> ComplaintOut:
    """Read a complaint: what was said and done, its clocks, its remedies, and the order it is about.

    Customers see their own, without notes and without what is ours to know.
    """
    row = await admit(read, caller, complaint_id)
    keys = await vault.keys(read, [row.identity_id])
    staff = caller.kind == "operator"
    owner = await identity.customer_of(read, row.identity_id)
    view = _View(row, keys, staff)
    return ComplaintOut(
        **{name: getattr(row, name) for name in PLAIN},
        customer_id=owner,
        owner=row.owner if staff else None,
        title=view.text("complaint.title", row.id, row.title_sealed),
        body=view.text("complaint.body", row.id, row.body_sealed),
        allowed=[*machine.allowed(Status(row.status), ActorKind.MANAGER if staff else ActorKind.CUSTOMER)],
        order=await _order(read, row, owner, staff),
        clocks=clocks_out((await clocks.of(read, [row.id]))[row.id]),
        messages=[view.message(one) for one in await course.messages(read, row.id) if staff or one.visible],
        transitions=[view.transition(one) for one in await course.transitions(read, row.id)],
        follow_ups=[view.follow_up(one) for one in await course.follow_ups(read, row.id)] if staff else [],
        remedies=[view.remedy(one) for one in await remedies.of(read, row.id)],
        sla_events=await _clock_events(read, row.id) if staff else [],
    )


class _View:
    """Rows of one complaint as one reader sees them."""

    def __init__(self, complaint: Any, keys: Keys, staff: bool) -> None:
        self.identity_id, self.keys, self.staff = complaint.identity_id, keys, staff

    def text(self, field: str, row_id: str, sealed: bytes | None) -> str | None:
        if sealed is None or self.identity_id not in self.keys:
            return None
        return self.keys.open(self.identity_id, f"{field}/{row_id}", sealed)

    def message(self, row: Any) -> MessageOut:
        return MessageOut(
            **{
                name: getattr(row, name)
                for name in ("id", "kind", "channel", "cycle", "occurred_at", "booked_at")
            },
            delivery=row.delivery,
            author=row.author if self.staff else None,
            body=self.text("message.body", row.id, row.body_sealed),
        )

    def transition(self, row: Any) -> TransitionOut:
        names = ("action", "from_status", "to_status", "outcome", "cycle", "occurred_at", "actor_kind")
        seen = self.staff or row.actor_kind == ActorKind.CUSTOMER.value
        return TransitionOut(
            **{name: getattr(row, name) for name in names},
            actor=row.actor if self.staff else None,
            reason=self.text("transition.reason", row.id, row.reason_sealed) if seen else None,
        )

    def follow_up(self, row: Any) -> FollowUpOut:
        return FollowUpOut(
            **{
                name: getattr(row, name) for name in ("cycle", "attempt", "method", "result", "by", "done_at")
            },
            note=self.text("follow_up.note", row.id, row.note_sealed),
        )

    def remedy(self, row: Any) -> RemedyOut:
        names = (
            "id",
            "kind",
            "points",
            "granted_at",
            "deadline_at",
            "settled_at",
            "refusal_code",
            "retry_of",
        )
        return RemedyOut(
            **{name: getattr(row, name) for name in names},
            status=row.status,
            transaction_id=row.loyalty_txn,
            requested_by=row.requested_by if self.staff else None,
            reason=self.text("remedy.reason", row.id, row.reason_sealed) if self.staff else None,
        )


async def _order(read: Read, row: Any, owner: str, staff: bool) -> OrderOut | None:
    """The order behind the reference, joined now: whether it came first or last makes no difference."""
    if row.order_source is None:
        return None
    reference = {"source": row.order_source, "order_id": row.order_id}
    order = await orders.find(read, row.order_source, row.order_id)
    if order is None or (order.owner_id != owner and not staff):
        return OrderOut(**reference, state="not_seen_yet", order_of_other_customer=False)
    returns = await orders.returns_of(read, order.purchase_id)
    return OrderOut(
        **reference,
        state="known",
        order_of_other_customer=order.owner_id != owner,
        purchase_id=order.purchase_id,
        occurred_at=order.occurred_at,
        currency=order.currency,
        amount_minor=order.amount_minor,
        lines=[
            OrderLineOut(line=line, sku=sku, quantity=quantity, amount_minor=amount)
            for line, sku, quantity, amount in order.lines
        ],
        returns=[
            OrderReturnOut(
                return_id=one.return_id, occurred_at=one.occurred_at, amount_minor=one.amount_minor
            )
            for one in returns
        ],
    )


async def _clock_events(read: Read, complaint_id: str) -> list[ClockEventOut]:
    return [
        ClockEventOut(**{name: getattr(row, name) for name in ClockEventOut.model_fields})
        for row in await clocks.history(read, complaint_id)
    ]


PLAIN = (
    "id",
    "number",
    "identity_id",
    "channel",
    "opened_by",
    "contact_at",
    "received_at",
    "status",
    "outcome",
    "priority",
    "cycle",
    "review_level",
    "escalation_level",
    "duplicate_of",
    "follows",
    "closed_at",
    "version",
)
