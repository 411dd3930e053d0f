"""The tables of the outbox and of the periodic jobs."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Column, Index, Integer, Named, Table, Text, TypedColumns, Uuid

from shared.db.opening import kernel_metadata
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


class JobColumns(TypedColumns):
    """The last run of a periodic job that had effects, so that operators see it."""

    name: Named[str] = Column(Id, primary_key=True)
    ran_at: Named[datetime] = Column(Instant)
    effects: Named[int] = Column(BigInt)
    runs: Named[int] = Column(Integer)


job_state = Table("job_state", kernel_metadata, JobColumns)
