"""The tables of complaints, their messages, transitions and follow-ups, and the records of these tables."""

from dataclasses import dataclass
from datetime import datetime

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
    text,
)

from services.feedback.complaints.domain.complaint import Delivery, MessageKind
from services.feedback.complaints.domain.machine import FollowUpResult
from shared.db import record_of
from shared.db.schema import FILLED_BY_UPGRADE, INDEX_NAMES, one_of
from shared.db.triggers import append_only, frozen_columns
from shared.db.types import Id, Instant, Sealed

metadata = MetaData(naming_convention=INDEX_NAMES)


class ComplaintColumns(TypedColumns):
    """One complaint as it stands; its past is in `transition`."""

    id: Named[str] = Column(Id, primary_key=True)
    number: Named[str] = Column(Id, unique=True)
    """The name that people use for it, such as C-261121-7KQ4M."""
    identity_id: Named[str] = Column(Id)
    customer_id: Named[str] = Column(Id)
    """The identity's owner when the complaint was opened; today's owner is in `identity`."""
    channel: Named[str] = Column(Text)
    opened_by: Named[str] = Column(Text)
    opened_by_id: Named[str] = Column(Id)
    """A customer, a partner, or the pseudonym of an operator, as in every column that names one who acts."""
    contact_at: Named[datetime] = Column(Instant)
    received_at: Named[datetime] = Column(Instant)
    title_sealed: Named[bytes] = Column(Sealed)
    body_sealed: Named[bytes] = Column(Sealed)
    language: Named[str | None] = Column(Text)
    problem_type: Named[str | None] = Column(Text)
    order_sealed: Named[bytes | None] = Column(Sealed)
    """The order that it is about, as the caller named it: source and order id."""
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
    rules_applied: Named[int] = Column(Integer, server_default=text("0"))
    """The number of versions of policies and calendars that had moved running clocks when these were last folded."""
    due_at: Named[datetime] = Column(Instant, server_default=FILLED_BY_UPGRADE)
    """The earliest time at which a promise that is not kept yet is or was due; NOTHING_DUE while no such clock runs."""
    updated_at: Named[datetime] = Column(Instant, server_default=FILLED_BY_UPGRADE)
    """The booking time of the last change: of its state, its messages, its clocks or its remedies."""


complaint = Table(
    "complaint",
    metadata,
    ComplaintColumns,
    CheckConstraint("(status = 'closed') = (outcome IS NOT NULL)", name="complaint_outcome"),
    CheckConstraint("(status = 'closed') = (closed_at IS NOT NULL)", name="complaint_closed_at"),
    CheckConstraint("cycle >= 1 AND review_level >= 0 AND escalation_level >= 0", name="complaint_levels"),
)
Index("complaint_identity", complaint.c.identity_id, complaint.c.id)
Index("complaint_received", complaint.c.received_at, complaint.c.id)
Index("complaint_updated", complaint.c.updated_at, complaint.c.id)
Index("complaint_due", complaint.c.due_at, complaint.c.id)
Index("complaint_status", complaint.c.status, complaint.c.received_at, complaint.c.id)
Index("complaint_owner", complaint.c.owner, complaint.c.received_at, complaint.c.id)
Index("complaint_opened_by", complaint.c.opened_by_id, complaint.c.received_at, complaint.c.id)
Index(
    "complaint_follows",
    complaint.c.follows,
    postgresql_where=complaint.c.follows.is_not(None),
    sqlite_where=complaint.c.follows.is_not(None),
)
Index(
    "complaint_duplicate_of",
    complaint.c.duplicate_of,
    postgresql_where=complaint.c.duplicate_of.is_not(None),
    sqlite_where=complaint.c.duplicate_of.is_not(None),
)
Index(
    "complaint_rules_applied",
    complaint.c.rules_applied,
    postgresql_where=complaint.c.status != "closed",
    sqlite_where=complaint.c.status != "closed",
)
frozen_columns(complaint, ["id", "number", "identity_id", "contact_at", "received_at"])


@record_of(complaint)
@dataclass(frozen=True, slots=True)
class ComplaintRecord:
    """A complaint and its state."""

    id: str
    number: str
    identity_id: str
    customer_id: str
    channel: str
    opened_by: str
    opened_by_id: str
    contact_at: datetime
    received_at: datetime
    title_sealed: bytes
    body_sealed: bytes
    language: str | None
    problem_type: str | None
    order_sealed: bytes | None
    store: str | None
    product: str | None
    status: str
    outcome: str | None
    owner: str | None
    team: str | None
    priority: str
    cycle: int
    review_level: int
    escalation_level: int
    duplicate_of: str | None
    follows: str | None
    closed_at: datetime | None
    version: int
    rules_applied: int
    due_at: datetime
    updated_at: datetime


class MessageColumns(TypedColumns):
    """A message on a complaint, to the other side or among ourselves."""

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
    """Keyed hash of the channel's id of the message; null where the channel has none."""


message = Table(
    "message",
    metadata,
    MessageColumns,
    UniqueConstraint("complaint_id", "dedupe_key", name="message_dedupe"),
    one_of("kind", MessageKind, name="message_kind"),
    one_of("delivery", Delivery, name="message_delivery"),
    CheckConstraint("kind <> 'note' OR NOT visible", name="message_note_hidden"),
)
Index("message_complaint", message.c.complaint_id, message.c.id)
frozen_columns(message, ["id", "complaint_id", "kind", "occurred_at", "booked_at", "body_sealed"])


@record_of(message)
@dataclass(frozen=True, slots=True)
class MessageRecord:
    """A message or a note of a complaint."""

    id: str
    complaint_id: str
    cycle: int
    kind: str
    author: str
    channel: str
    visible: bool
    occurred_at: datetime
    booked_at: datetime
    body_sealed: bytes
    delivery: str
    confirmed_by: str | None
    dedupe_key: bytes | None


class TransitionColumns(TypedColumns):
    """An action that was taken on a complaint."""

    id: Named[str] = Column(Id, primary_key=True)
    complaint_id: Named[str] = Column(Id, ForeignKey("complaint.id"))
    cycle: Named[int] = Column(Integer)
    """The cycle in which it was taken; a reopening belongs to the cycle that it begins."""
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


@record_of(transition)
@dataclass(frozen=True, slots=True)
class TransitionRecord:
    """An action that was taken on a complaint."""

    id: str
    complaint_id: str
    cycle: int
    action: str
    from_status: str
    to_status: str
    outcome: str | None
    actor_kind: str
    actor: str
    reason_sealed: bytes | None
    occurred_at: datetime
    booked_at: datetime
    backdated: bool


class FollowUpColumns(TypedColumns):
    """An attempt to ask the customer whether it was put right."""

    id: Named[str] = Column(Id, primary_key=True)
    complaint_id: Named[str] = Column(Id, ForeignKey("complaint.id"))
    cycle: Named[int] = Column(Integer)
    attempt: Named[int] = Column(Integer)
    """Counted from 1 within the cycle."""
    due_at: Named[datetime | None] = Column(Instant)
    method_sealed: Named[bytes | None] = Column(Sealed)
    """Null for attempts of before it was sealed whose customer was erased."""
    result: Named[str] = Column(Text)
    note_sealed: Named[bytes | None] = Column(Sealed)
    by: Named[str] = Column(Id)
    done_at: Named[datetime] = Column(Instant)


follow_up = Table(
    "follow_up",
    metadata,
    FollowUpColumns,
    UniqueConstraint("complaint_id", "cycle", "attempt", name="follow_up_attempt"),
    one_of("result", FollowUpResult, name="follow_up_result"),
)
append_only(follow_up)


@record_of(follow_up)
@dataclass(frozen=True, slots=True)
class FollowUpRecord:
    """An attempt to ask a customer whether a complaint was put right."""

    id: str
    complaint_id: str
    cycle: int
    attempt: int
    due_at: datetime | None
    method_sealed: bytes | None
    result: str
    note_sealed: bytes | None
    by: str
    done_at: datetime
