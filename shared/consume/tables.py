"""The tables of consumers: positions, stopped partitions and their batches, the inbox, and records that were set aside."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal, get_args

from sqlalchemy import Column, Index, Integer, Named, Table, Text, TypedColumns

from shared.db.opening import kernel_metadata
from shared.db.records import record_of
from shared.db.schema import one_of
from shared.db.types import BigInt, Document, Id, Instant, Sealed


class PositionColumns(TypedColumns):
    """The position of a consumer in a partition.

    It moves in the transaction that applies the records, and moves back only when an operator asks for a replay.
    """

    consumer: Named[str] = Column(Id, primary_key=True)
    topic: Named[str] = Column(Id, primary_key=True)
    partition: Named[int] = Column(Integer, primary_key=True)
    next_offset: Named[int] = Column(BigInt)
    moved_at: Named[datetime] = Column(Instant)
    last_record: Named[str | None] = Column(Id)
    """The identity of the record before `next_offset`; null if none was applied since the position was set."""
    foreign_since: Named[datetime | None] = Column(Instant)
    """The time when the log was found not to be the one that was read (`shared/consume/foreign.py`); null if it is that one."""


consumer_position = Table("consumer_position", kernel_metadata, PositionColumns)


@record_of(consumer_position)
@dataclass(frozen=True, slots=True)
class ConsumerPositionRecord:
    """The position of one consumer in one partition."""

    consumer: str
    topic: str
    partition: int
    next_offset: int
    moved_at: datetime
    last_record: str | None = None
    foreign_since: datetime | None = None


StopCause = Literal["brake", "bug"]
"""The cause for which a partition stops."""


class StoppedColumns(TypedColumns):
    """The last stop of a partition. The partition is still stopped while its position is `next_offset`."""

    consumer: Named[str] = Column(Id, primary_key=True)
    topic: Named[str] = Column(Id, primary_key=True)
    partition: Named[int] = Column(Integer, primary_key=True)
    next_offset: Named[int] = Column(BigInt)
    cause: Named[str] = Column(Text)
    code: Named[str] = Column(Text)
    """The code of the first refused record, if the brake stopped the partition; the type of the error, if a bug did."""
    stopped_at: Named[datetime] = Column(Instant)
    """The time since which the partition stands at `next_offset`."""


stopped_partition = Table(
    "stopped_partition",
    kernel_metadata,
    StoppedColumns,
    one_of("cause", get_args(StopCause), name="stopped_partition_cause"),
)


@record_of(stopped_partition)
@dataclass(frozen=True, slots=True)
class StoppedPartitionRecord:
    """The last stop of one partition."""

    consumer: str
    topic: str
    partition: int
    next_offset: int
    cause: StopCause
    code: str
    stopped_at: datetime


@dataclass(frozen=True, slots=True)
class Refusals:
    """The records of one event type that one reason would set aside."""

    type: str | None
    """None if the records cannot be read."""
    code: str
    records: int


class BrakedColumns(TypedColumns):
    """The batch that the brake stopped last in a partition, and what of it would be set aside."""

    consumer: Named[str] = Column(Id, primary_key=True)
    topic: Named[str] = Column(Id, primary_key=True)
    partition: Named[int] = Column(Integer, primary_key=True)
    from_offset: Named[int] = Column(BigInt)
    until_offset: Named[int] = Column(BigInt)
    """The offset behind the last record of the batch."""
    records: Named[int] = Column(Integer)
    dead: Named[int] = Column(Integer)
    queued: Named[int] = Column(Integer)
    refusals: Named[tuple[Refusals, ...]] = Column(Document(tuple[Refusals, ...]))


braked_batch = Table("braked_batch", kernel_metadata, BrakedColumns)


@record_of(braked_batch)
@dataclass(frozen=True, slots=True)
class BrakedBatchRecord:
    """One batch that the brake stopped."""

    consumer: str
    topic: str
    partition: int
    from_offset: int
    until_offset: int
    records: int
    dead: int
    queued: int
    refusals: tuple[Refusals, ...]


class AllowedColumns(TypedColumns):
    """A batch that an operator has let pass the brake. Rows are kept, so that it stays known who did it."""

    id: Named[str] = Column(Id, primary_key=True)
    """The id, which sorts by time of making."""
    consumer: Named[str] = Column(Id)
    topic: Named[str] = Column(Id)
    partition: Named[int] = Column(Integer)
    from_offset: Named[int] = Column(BigInt)
    until_offset: Named[int] = Column(BigInt)
    dead_max: Named[int] = Column(Integer)
    """The number of dead records that the operator was shown. More of them stop the partition again."""
    allowed_by: Named[str] = Column(Text)
    allowed_at: Named[datetime] = Column(Instant)


allowed_batch = Table("allowed_batch", kernel_metadata, AllowedColumns)
Index("allowed_batch_place", allowed_batch.c.consumer, allowed_batch.c.topic, allowed_batch.c.partition)


@record_of(allowed_batch)
@dataclass(frozen=True, slots=True)
class AllowedBatchRecord:
    """One batch that an operator has let pass the brake."""

    id: str
    consumer: str
    topic: str
    partition: int
    from_offset: int
    until_offset: int
    dead_max: int
    allowed_by: str
    allowed_at: datetime


class InboxColumns(TypedColumns):
    """An event that a consumer has applied, so that a repeat has no effect. The row is kept for `INBOX_DAYS`."""

    consumer: Named[str] = Column(Id, primary_key=True)
    event_id: Named[str] = Column(Id, primary_key=True)
    seen_at: Named[datetime] = Column(Instant, index=True)


inbox = Table("inbox", kernel_metadata, InboxColumns)


@record_of(inbox)
@dataclass(frozen=True, slots=True)
class InboxRecord:
    """One event that one consumer has applied."""

    consumer: str
    event_id: str
    seen_at: datetime


State = Literal["dead", "queued", "parked", "applied", "discarded"]
"""The state of a set-aside record. *dead*, *queued* and *parked* are open; *applied* and *discarded* are ended."""


class SetAsideColumns(TypedColumns):
    """A record that could not be applied: dead, queued behind a dead record of its key, or parked for a fact."""

    id: Named[str] = Column(Id, primary_key=True)
    """The id, which sorts by time of making."""
    consumer: Named[str] = Column(Id)
    state: Named[str] = Column(Text)
    event_id: Named[str | None] = Column(Id)
    type: Named[str | None] = Column(Text)
    topic: Named[str | None] = Column(Id)
    partition: Named[int | None] = Column(Integer)
    offset: Named[int | None] = Column(BigInt)
    key: Named[str | None] = Column(Id)
    """The key of the event; null for a record whose key cannot be read."""
    behind: Named[str | None] = Column(Id)
    """The quarantined identity that a queued record waits behind: its key, or another identity that it names."""
    awaits: Named[str | None] = Column(Id)
    """The fact that a parked record waits for, such as `purchase:pur_…`."""
    order_by: Named[str | None] = Column(Id)
    """The order among the records that wait for the same fact."""
    deadline_at: Named[datetime | None] = Column(Instant)
    code: Named[str] = Column(Text)
    """The stable code of the reason."""
    reason: Named[str] = Column(Text)
    """The reason, in a sentence that names no value of the record."""
    record: Named[bytes] = Column(Sealed)
    """The headers and the payload as they came, sealed, because a record from outside may hold anything."""
    attempts: Named[int] = Column(Integer)
    booked_at: Named[datetime] = Column(Instant)
    ended_at: Named[datetime | None] = Column(Instant)
    ended_by: Named[str | None] = Column(Text)


set_aside = Table(
    "set_aside",
    kernel_metadata,
    SetAsideColumns,
    one_of("state", get_args(State), name="set_aside_state"),
)


@record_of(set_aside)
@dataclass(frozen=True, slots=True)
class SetAsideRecord:
    """One record that could not be applied."""

    id: str
    consumer: str
    state: State
    event_id: str | None
    type: str | None
    topic: str | None
    partition: int | None
    offset: int | None
    key: str | None
    behind: str | None
    awaits: str | None
    order_by: str | None
    deadline_at: datetime | None
    code: str
    reason: str
    record: bytes
    attempts: int
    booked_at: datetime
    ended_at: datetime | None
    ended_by: str | None


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
_ended = set_aside.c.ended_at.is_not(None)
Index("set_aside_ended", set_aside.c.ended_at, postgresql_where=_ended, sqlite_where=_ended)
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
