"""The tables of the feedback service (models/feedback §1): complaints, their clocks, remedies, and orders as told."""

from datetime import datetime
from typing import Any

from sqlalchemy import (
    Boolean,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    Named,
    Table,
    Text,
    TypedColumns,
    UniqueConstraint,
)

from shared.db.schema import INDEX_NAMES
from shared.db.triggers import append_only, frozen_columns
from shared.db.types import BigInt, Id, Instant, Json, Sealed

metadata = MetaData(naming_convention=INDEX_NAMES)


class ComplaintColumns(TypedColumns):
    """One complaint as it stands; what it went through is in `transition`."""

    id: Named[str] = Column(Id, primary_key=True)
    number: Named[str] = Column(Id, unique=True)
    """What people call it, such as C-261121-7KQ4M."""
    identity_id: Named[str] = Column(Id)
    customer_id: Named[str] = Column(Id)
    """The identity's owner when the complaint was opened; today's owner is in `identity`."""
    channel: Named[str] = Column(Text)
    opened_by: Named[str] = Column(Text)
    opened_by_id: Named[str] = Column(Id)
    contact_at: Named[datetime] = Column(Instant)
    received_at: Named[datetime] = Column(Instant)
    title_sealed: Named[bytes] = Column(Sealed)
    body_sealed: Named[bytes] = Column(Sealed)
    language: Named[str | None] = Column(Text)
    problem_type: Named[str | None] = Column(Text)
    order_source: Named[str | None] = Column(Text)
    order_id: Named[str | None] = Column(Text)
    store: Named[str | None] = Column(Text)
    product: Named[str | None] = Column(Text)
    status: Named[str] = Column(Text)
    outcome: Named[str | None] = Column(Text)
    owner: Named[str | None] = Column(Text)
    team: Named[str | None] = Column(Text)
    priority: Named[str] = Column(Text)
    cycle: Named[int] = Column(Integer)
    review_level: Named[int] = Column(Integer)
    escalation_level: Named[int] = Column(Integer)
    duplicate_of: Named[str | None] = Column(Id)
    follows: Named[str | None] = Column(Id)
    closed_at: Named[datetime | None] = Column(Instant)
    version: Named[int] = Column(Integer)


complaint = Table(
    "complaint",
    metadata,
    ComplaintColumns,
    CheckConstraint("(status = 'closed') = (outcome IS NOT NULL)", name="complaint_outcome"),
    CheckConstraint("(status = 'closed') = (closed_at IS NOT NULL)", name="complaint_closed_at"),
    CheckConstraint("cycle >= 1 AND review_level >= 0 AND escalation_level >= 0", name="complaint_levels"),
)
Index("complaint_identity", complaint.c.identity_id, complaint.c.id)
Index("complaint_status", complaint.c.status, complaint.c.id)
frozen_columns(complaint, ["id", "number", "identity_id", "contact_at", "received_at"])


class MessageColumns(TypedColumns):
    """What was said on a complaint, to the other side or among ourselves."""

    id: Named[str] = Column(Id, primary_key=True)
    complaint_id: Named[str] = Column(Id, ForeignKey("complaint.id"))
    cycle: Named[int] = Column(Integer)
    kind: Named[str] = Column(Text)
    author: Named[str] = Column(Id)
    channel: Named[str] = Column(Text)
    visible: Named[bool] = Column(Boolean)
    occurred_at: Named[datetime] = Column(Instant)
    booked_at: Named[datetime] = Column(Instant)
    body_sealed: Named[bytes] = Column(Sealed)
    delivery: Named[str] = Column(Text)
    confirmed_by: Named[str | None] = Column(Id)
    """The manager who vouches for a reply that was dated back; null: nobody, or not needed."""
    dedupe_key: Named[bytes | None] = Column(Sealed)
    """Keyed hash of what the channel calls the message; null where the channel has no such name."""


message = Table(
    "message",
    metadata,
    MessageColumns,
    UniqueConstraint("complaint_id", "dedupe_key", name="message_dedupe"),
    CheckConstraint("kind IN ('customer', 'agent', 'note', 'system', 'bot')", name="message_kind"),
    CheckConstraint("delivery IN ('queued', 'sent', 'failed')", name="message_delivery"),
    CheckConstraint("kind <> 'note' OR NOT visible", name="message_note_hidden"),
)
Index("message_complaint", message.c.complaint_id, message.c.id)
frozen_columns(message, ["id", "complaint_id", "kind", "occurred_at", "booked_at", "body_sealed"])


class TransitionColumns(TypedColumns):
    """An action that was taken on a complaint."""

    id: Named[str] = Column(Id, primary_key=True)
    complaint_id: Named[str] = Column(Id, ForeignKey("complaint.id"))
    cycle: Named[int] = Column(Integer)
    """The cycle it was taken in; a reopening belongs to the one it begins."""
    action: Named[str] = Column(Text)
    from_status: Named[str] = Column(Text)
    to_status: Named[str] = Column(Text)
    outcome: Named[str | None] = Column(Text)
    actor_kind: Named[str] = Column(Text)
    actor: Named[str] = Column(Id)
    reason_sealed: Named[bytes | None] = Column(Sealed)
    occurred_at: Named[datetime] = Column(Instant)
    booked_at: Named[datetime] = Column(Instant)
    backdated: Named[bool] = Column(Boolean)


transition = Table("transition", metadata, TransitionColumns)
Index("transition_complaint", transition.c.complaint_id, transition.c.id)
append_only(transition)


class FollowUpColumns(TypedColumns):
    """An attempt to ask the customer whether it was put right."""

    id: Named[str] = Column(Id, primary_key=True)
    complaint_id: Named[str] = Column(Id, ForeignKey("complaint.id"))
    cycle: Named[int] = Column(Integer)
    attempt: Named[int] = Column(Integer)
    """Counted from 1 within the cycle."""
    due_at: Named[datetime | None] = Column(Instant)
    method: Named[str] = Column(Text)
    result: Named[str] = Column(Text)
    note_sealed: Named[bytes | None] = Column(Sealed)
    by: Named[str] = Column(Id)
    done_at: Named[datetime] = Column(Instant)


follow_up = Table(
    "follow_up",
    metadata,
    FollowUpColumns,
    UniqueConstraint("complaint_id", "cycle", "attempt", name="follow_up_attempt"),
    CheckConstraint(
        "result IN ('satisfied', 'partly', 'not_satisfied', 'unreached')", name="follow_up_result"
    ),
)
append_only(follow_up)


class PolicyColumns(TypedColumns):
    """One version of an SLA policy."""

    policy_id: Named[str] = Column(Id, primary_key=True)
    version: Named[int] = Column(Integer, primary_key=True)
    position: Named[int] = Column(Integer)
    conditions: Named[Any] = Column(Json)
    """{attribute: [accepted values]}; `{"everything": true}` is the default policy, `{}` matches nothing."""
    targets: Named[Any] = Column(Json)
    """{metric: {seconds, calendar_id, warn: [seconds before], levels: [seconds after]}}."""
    effective_from: Named[datetime] = Column(Instant)
    apply_to_open: Named[bool] = Column(Boolean)


sla_policy = Table("sla_policy", metadata, PolicyColumns)
append_only(sla_policy)


class CalendarColumns(TypedColumns):
    """One version of a working calendar."""

    calendar_id: Named[str] = Column(Id, primary_key=True)
    version: Named[int] = Column(Integer, primary_key=True)
    zone: Named[str] = Column(Text)
    week: Named[Any] = Column(Json)
    """Seven lists of [open, close] from Monday, in seconds since local midnight."""
    exceptions: Named[Any] = Column(Json)
    """{date: [[open, close]]}: these windows replace the day whole; none: closed."""
    estimated_from: Named[str | None] = Column(Text)
    effective_from: Named[datetime] = Column(Instant)
    apply_to_open: Named[bool] = Column(Boolean)


calendar = Table("calendar", metadata, CalendarColumns)
append_only(calendar)


class ClockColumns(TypedColumns):
    """A clock of a complaint, as the fold of its facts says; recomputed, never added to."""

    complaint_id: Named[str] = Column(Id, ForeignKey("complaint.id"), primary_key=True)
    metric: Named[str] = Column(Id, primary_key=True)
    cycle: Named[int] = Column(Integer, primary_key=True)
    ordinal: Named[int] = Column(Integer, primary_key=True)
    policy_id: Named[str] = Column(Id)
    policy_version: Named[int] = Column(Integer)
    calendar_id: Named[str] = Column(Id)
    calendar_version: Named[int] = Column(Integer)
    target_seconds: Named[int] = Column(BigInt)
    started_at: Named[datetime] = Column(Instant)
    pauses: Named[Any] = Column(Json)
    """[[begin, end | null]] in whole seconds since 1970, a union."""
    due_at: Named[datetime | None] = Column(Instant)
    """Null while an open pause runs."""
    paused_since: Named[datetime | None] = Column(Instant)
    next_fire_at: Named[datetime | None] = Column(Instant)
    fulfilled_at: Named[datetime | None] = Column(Instant)
    fulfilled_how: Named[str | None] = Column(Text)
    cancelled_reason: Named[str | None] = Column(Text)
    verdict: Named[str] = Column(Text)
    estimated: Named[bool] = Column(Boolean)


sla_clock = Table(
    "sla_clock",
    metadata,
    ClockColumns,
    CheckConstraint("verdict IN ('running', 'met', 'breached', 'cancelled')", name="sla_clock_verdict"),
)
Index(
    "sla_clock_next_fire",
    sla_clock.c.next_fire_at,
    postgresql_where=sla_clock.c.next_fire_at.is_not(None),
    sqlite_where=sla_clock.c.next_fire_at.is_not(None),
)


class ClockEventColumns(TypedColumns):
    """Something told about a clock, once; a breach stays whatever comes later."""

    complaint_id: Named[str] = Column(Id, ForeignKey("complaint.id"), primary_key=True)
    metric: Named[str] = Column(Id, primary_key=True)
    cycle: Named[int] = Column(Integer, primary_key=True)
    ordinal: Named[int] = Column(Integer, primary_key=True)
    kind: Named[str] = Column(Id, primary_key=True)
    level: Named[int] = Column(Integer, primary_key=True)
    """Of a warning or an escalation: generation of the target × 16 + its number; of a retarget: the generation."""
    occurred_at: Named[datetime] = Column(Instant)
    detected_at: Named[datetime] = Column(Instant)
    reason: Named[str] = Column(Text)
    policy_id: Named[str] = Column(Id)
    policy_version: Named[int] = Column(Integer)
    calendar_id: Named[str] = Column(Id)
    calendar_version: Named[int] = Column(Integer)
    due_at: Named[datetime] = Column(Instant)


sla_event = Table(
    "sla_event",
    metadata,
    ClockEventColumns,
    CheckConstraint(
        "kind IN ('warned', 'breached', 'breach_withdrawn', 'retargeted', 'escalated')", name="sla_event_kind"
    ),
)
append_only(sla_event)


class RemedyColumns(TypedColumns):
    """What was granted to make good, and whether it was paid."""

    id: Named[str] = Column(Id, primary_key=True)
    complaint_id: Named[str] = Column(Id, ForeignKey("complaint.id"), index=True)
    cycle: Named[int] = Column(Integer)
    kind: Named[str] = Column(Text)
    points: Named[int | None] = Column(BigInt)
    amount_minor: Named[int | None] = Column(BigInt)
    currency: Named[str | None] = Column(Text)
    status: Named[str] = Column(Text)
    requested_by: Named[str] = Column(Id)
    approved_by: Named[str | None] = Column(Id)
    reason_sealed: Named[bytes] = Column(Sealed)
    granted_at: Named[datetime] = Column(Instant)
    deadline_at: Named[datetime] = Column(Instant)
    settled_at: Named[datetime | None] = Column(Instant)
    """When it was paid, or refused."""
    refusal_code: Named[str | None] = Column(Text)
    loyalty_txn: Named[str | None] = Column(Id)
    retry_of: Named[str | None] = Column(Id)


remedy = Table(
    "remedy",
    metadata,
    RemedyColumns,
    CheckConstraint(
        "status IN ('proposed', 'granted', 'overdue', 'settled', 'refused', 'cancelled')",
        name="remedy_status",
    ),
    CheckConstraint("(status = 'refused') = (refusal_code IS NOT NULL)", name="remedy_refusal"),
    CheckConstraint("kind <> 'points' OR points > 0", name="remedy_points"),
)
Index(
    "remedy_waiting",
    remedy.c.deadline_at,
    postgresql_where=remedy.c.status == "granted",
    sqlite_where=remedy.c.status == "granted",
)
frozen_columns(remedy, ["id", "complaint_id", "kind", "points", "amount_minor", "currency", "granted_at"])


class OrderColumns(TypedColumns):
    """A purchase as profile told it: what a complaint's order reference is joined to."""

    purchase_id: Named[str] = Column(Id, primary_key=True)
    source: Named[str] = Column(Id)
    order_id: Named[str] = Column(Id)
    identity_id: Named[str] = Column(Id, index=True)
    occurred_at: Named[datetime] = Column(Instant)
    currency: Named[str] = Column(Text)
    amount_minor: Named[int] = Column(BigInt)
    lines: Named[Any] = Column(Json)
    """[line, sku, quantity, amount_minor] a line."""


order_fact = Table(
    "order_fact",
    metadata,
    OrderColumns,
    UniqueConstraint("source", "order_id", name="order_fact_reference"),
)
append_only(order_fact)


class OrderReturnColumns(TypedColumns):
    """A return as profile told it; its purchase may be told later."""

    return_id: Named[str] = Column(Id, primary_key=True)
    purchase_id: Named[str] = Column(Id, index=True)
    identity_id: Named[str] = Column(Id, index=True)
    occurred_at: Named[datetime] = Column(Instant)
    currency: Named[str] = Column(Text)
    amount_minor: Named[int] = Column(BigInt)
    lines: Named[Any] = Column(Json)
    """[line, unit_from, unit_to, amount_minor] a range."""


order_return = Table("order_return", metadata, OrderReturnColumns)
append_only(order_return)
