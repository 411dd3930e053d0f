"""The tables of the outbox and of the periodic jobs."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, get_args
from uuid import UUID

from sqlalchemy import Column, Index, Integer, Named, Table, Text, TypedColumns, Uuid

from shared.db.opening import kernel_metadata
from shared.db.records import record_of
from shared.db.schema import one_of
from shared.db.types import BigInt, Id, Instant, Json
from shared.frozen import quickly_made


class OutboxColumns(TypedColumns):
    """An event that waits for the relay, or that the relay has published.

    The columns are a superset of the columns that Debezium's outbox router reads.
    """

    id: Named[int] = Column(BigInt, primary_key=True, autoincrement=True)
    event_id: Named[UUID] = Column(Uuid, unique=True)
    aggregatetype: Named[str] = Column(Text)
    aggregateid: Named[str] = Column(Id)
    type: Named[str] = Column(Text)
    topic: Named[str] = Column(Id)
    key: Named[str] = Column(Id)
    headers: Named[Any] = Column(Json)
    """The headers of the record: their texts by name."""
    payload: Named[str] = Column(Text)
    occurred_at: Named[datetime] = Column(Instant)
    booked_at: Named[datetime] = Column(Instant)
    published_at: Named[datetime | None] = Column(Instant)


outbox = Table("outbox", kernel_metadata, OutboxColumns, sqlite_autoincrement=True)
Index(
    "outbox_pending",
    outbox.c.id,
    postgresql_where=outbox.c.published_at.is_(None),
    sqlite_where=outbox.c.published_at.is_(None),
)
Index(
    "outbox_published",
    outbox.c.published_at,
    postgresql_where=outbox.c.published_at.is_not(None),
    sqlite_where=outbox.c.published_at.is_not(None),
)


@record_of(outbox)
@dataclass(frozen=True, slots=True)
class OutboxRecord:
    """One event of the outbox."""

    id: int
    event_id: UUID
    aggregatetype: str
    aggregateid: str
    type: str
    topic: str
    key: str
    headers: Mapping[str, str]
    payload: str
    occurred_at: datetime
    booked_at: datetime
    published_at: datetime | None


@quickly_made
@dataclass(frozen=True, slots=True)
class NewOutboxRecord:
    """An event that is written to the outbox. The database gives it its id, and the relay sets `published_at`."""

    event_id: UUID
    aggregatetype: str
    aggregateid: str
    type: str
    topic: str
    key: str
    headers: Mapping[str, str]
    payload: str
    occurred_at: datetime
    booked_at: datetime


@quickly_made
@dataclass(frozen=True, slots=True)
class PendingRecord:
    """The columns of a pending event that the relay sends."""

    id: int
    event_id: UUID
    topic: str
    key: str
    headers: Mapping[str, str]
    payload: str


class EndColumns(TypedColumns):
    """The last event that was published to a partition. Its row in the outbox may be pruned; this row stays.

    The topic is the witness of what a database has told others (`shared/outbox/witness.py`), and this row of what the topic
    has held (`shared/outbox/ends.py`). So its end never goes down, unless a loss is accepted.
    """

    topic: Named[str] = Column(Id, primary_key=True)
    partition: Named[int] = Column(Integer, primary_key=True)
    event_id: Named[UUID | None] = Column(Uuid)
    """The event; null if the partition had none of the service when a loss was accepted."""
    event_offset: Named[int | None] = Column(BigInt)
    """The offset of the event, as the bus has acknowledged it; null without an event, and until the next event in a row of an
    older version, which counted offsets by itself."""
    end_offset: Named[int] = Column(BigInt)
    """An offset that the end of the partition has reached. Several senders may have moved the end further."""
    lost_since: Named[datetime | None] = Column(Instant)
    """The time when the event was found not to stand there any more; null: it stands there. Until the right log is back, or the
    loss is accepted, nothing is sent."""


published_end = Table("published_end", kernel_metadata, EndColumns)


@record_of(published_end)
@dataclass(frozen=True, slots=True)
class PublishedEndRecord:
    """The last event that was published to one partition."""

    topic: str
    partition: int
    event_id: UUID | None
    event_offset: int | None
    end_offset: int
    lost_since: datetime | None = None


class LayoutColumns(TypedColumns):
    """The number of partitions by which a topic of the service is written. The order of each key depends on it.

    It stays when an administrator adds partitions: a key in another partition would overtake its own events.
    """

    topic: Named[str] = Column(Id, primary_key=True)
    partitions: Named[int] = Column(Integer)
    noted_at: Named[datetime] = Column(Instant)


topic_layout = Table("topic_layout", kernel_metadata, LayoutColumns)


@record_of(topic_layout)
@dataclass(frozen=True, slots=True)
class TopicLayoutRecord:
    """The number of partitions by which one topic is written."""

    topic: str
    partitions: int
    noted_at: datetime


Loss = Literal["database", "bus", "position", "deleted"]
"""The thing that was lost: rows of the database that had been told to others, records of the service's own topic, records that a
consumer of the service had applied, or records that were deleted before a consumer of the service had applied them."""


class AcceptedLossColumns(TypedColumns):
    """A loss that an operator has accepted with `accept-loss`."""

    id: Named[int] = Column(BigInt, primary_key=True, autoincrement=True)
    loss: Named[str] = Column(Text)
    topic: Named[str] = Column(Id)
    partition: Named[int] = Column(Integer)
    known: Named[int] = Column(BigInt)
    """The end or the position that the database knew."""
    found: Named[int] = Column(BigInt)
    """The end of the partition when the loss was accepted."""
    accepted_at: Named[datetime] = Column(Instant)


accepted_loss = Table(
    "accepted_loss",
    kernel_metadata,
    AcceptedLossColumns,
    one_of("loss", get_args(Loss), name="accepted_loss_loss"),
)


@record_of(accepted_loss)
@dataclass(frozen=True, slots=True)
class AcceptedLossRecord:
    """One partition of a loss that an operator has accepted."""

    id: int
    loss: Loss
    topic: str
    partition: int
    known: int
    found: int
    accepted_at: datetime


@dataclass(frozen=True, slots=True)
class NewAcceptedLossRecord:
    """An accepted loss that is written. The database gives it its id."""

    loss: Loss
    topic: str
    partition: int
    known: int
    found: int
    accepted_at: datetime


class JobColumns(TypedColumns):
    """The last run of a periodic job that had effects, so that operators see it."""

    name: Named[str] = Column(Id, primary_key=True)
    ran_at: Named[datetime] = Column(Instant)
    effects: Named[int] = Column(BigInt)
    runs: Named[int] = Column(Integer)


job_state = Table("job_state", kernel_metadata, JobColumns)


@record_of(job_state)
@dataclass(frozen=True, slots=True)
class JobStateRecord:
    """The last run of one periodic job that had effects."""

    name: str
    ran_at: datetime
    effects: int
    runs: int
