"""Where a consumer stands, what it has seen, and what it had to set aside."""

from datetime import datetime

from sqlalchemy import CheckConstraint, Column, Index, Integer, Named, Table, Text, TypedColumns

from shared.db.opening import kernel_metadata
from shared.db.types import BigInt, Id, Instant, Sealed


class PositionColumns(TypedColumns):
    """Line (a) of exactly-once: moves in the effect's own transaction, never back but by a deliberate replay."""

    consumer: Named[str] = Column(Id, primary_key=True)
    topic: Named[str] = Column(Id, primary_key=True)
    partition: Named[int] = Column(Integer, primary_key=True)
    next_offset: Named[int] = Column(BigInt)
    moved_at: Named[datetime] = Column(Instant)


consumer_position = Table("consumer_position", kernel_metadata, PositionColumns)


class StoppedColumns(TypedColumns):
    """Why a partition last stopped, and where; it stands there for as long as the position is still the same."""

    consumer: Named[str] = Column(Id, primary_key=True)
    topic: Named[str] = Column(Id, primary_key=True)
    partition: Named[int] = Column(Integer, primary_key=True)
    next_offset: Named[int] = Column(BigInt)
    cause: Named[str] = Column(Text)
    code: Named[str] = Column(Text)
    """Of the brake the first record's reason, of a bug its type."""
    stopped_at: Named[datetime] = Column(Instant)
    """Since when it stands there."""


stopped_partition = Table(
    "stopped_partition",
    kernel_metadata,
    StoppedColumns,
    CheckConstraint("cause in ('brake', 'bug')", name="stopped_partition_cause"),
)


class InboxColumns(TypedColumns):
    """Line (b): what a relay sent twice is applied once. Kept `INBOX_DAYS`."""

    consumer: Named[str] = Column(Id, primary_key=True)
    event_id: Named[str] = Column(Id, primary_key=True)
    seen_at: Named[datetime] = Column(Instant, index=True)


inbox = Table("inbox", kernel_metadata, InboxColumns)


class SetAsideColumns(TypedColumns):
    """A record that could not be applied now: dead, queued behind a dead one of its key, or parked for a fact."""

    id: Named[str] = Column(Id, primary_key=True)
    """Ids sort by time of making: the chain of a key is applied in this order."""
    consumer: Named[str] = Column(Id)
    state: Named[str] = Column(Text)
    event_id: Named[str | None] = Column(Id)
    type: Named[str | None] = Column(Text)
    topic: Named[str | None] = Column(Id)
    partition: Named[int | None] = Column(Integer)
    offset: Named[int | None] = Column(BigInt)
    key: Named[str | None] = Column(Id)
    """The key it would have been applied to; null for a record without a readable one."""
    behind: Named[str | None] = Column(Id)
    """The quarantined identity that a queued record waits behind: its key, or another that it names."""
    awaits: Named[str | None] = Column(Id)
    """The fact a parked record waits for, such as `purchase:pur_…`."""
    order_by: Named[str | None] = Column(Id)
    """Order among those that wait for the same fact."""
    deadline_at: Named[datetime | None] = Column(Instant)
    code: Named[str] = Column(Text)
    """Why: a stable code."""
    reason: Named[str] = Column(Text)
    """Why, in a sentence that names no value of the record."""
    record: Named[bytes] = Column(Sealed)
    """Headers and payload as they came, sealed: a stranger's record may hold anything."""
    attempts: Named[int] = Column(Integer)
    booked_at: Named[datetime] = Column(Instant)
    ended_at: Named[datetime | None] = Column(Instant)
    ended_by: Named[str | None] = Column(Text)


STATES = ("dead", "queued", "parked", "applied", "discarded")
"""Open: dead, queued, parked. Ended: applied (by a retry or the awaited fact), discarded."""

set_aside = Table(
    "set_aside",
    kernel_metadata,
    SetAsideColumns,
    CheckConstraint("state in ('dead', 'queued', 'parked', 'applied', 'discarded')", name="set_aside_state"),
)
Index(
    "set_aside_open_key",
    set_aside.c.consumer,
    set_aside.c.key,
    set_aside.c.id,
    postgresql_where=set_aside.c.state.in_(("dead", "queued")),
    sqlite_where=set_aside.c.state.in_(("dead", "queued")),
)
Index(
    "set_aside_open_behind",
    set_aside.c.consumer,
    set_aside.c.behind,
    postgresql_where=set_aside.c.state == "queued",
    sqlite_where=set_aside.c.state == "queued",
)
Index(
    "set_aside_awaited",
    set_aside.c.awaits,
    postgresql_where=set_aside.c.state == "parked",
    sqlite_where=set_aside.c.state == "parked",
)
Index("set_aside_listed", set_aside.c.state, set_aside.c.id)
_of_the_bus = set_aside.c.topic.is_not(None) & (set_aside.c.state != "applied")
Index(
    "set_aside_place",
    set_aside.c.consumer,
    set_aside.c.topic,
    set_aside.c.offset,
    set_aside.c.partition,
    set_aside.c.event_id,
    unique=True,
    postgresql_where=_of_the_bus,
    sqlite_where=_of_the_bus,
)
_unreadable = _of_the_bus & set_aside.c.event_id.is_(None)
Index(
    "set_aside_unreadable_place",
    set_aside.c.consumer,
    set_aside.c.topic,
    set_aside.c.offset,
    set_aside.c.partition,
    unique=True,
    postgresql_where=_unreadable,
    sqlite_where=_unreadable,
)
