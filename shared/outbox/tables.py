"""The tables of the outbox and of the periodic jobs."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Column, Index, Integer, Named, Table, Text, TypedColumns, Uuid

from shared.db.opening import kernel_metadata
from shared.db.records import record_of
from shared.db.types import BigInt, Id, Instant, Json


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


@dataclass(frozen=True, slots=True)
class PendingRecord:
    """The columns of a pending event that the relay sends."""

    id: int
    topic: str
    key: str
    headers: Mapping[str, str]
    payload: str


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
