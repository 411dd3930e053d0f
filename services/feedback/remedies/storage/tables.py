"""The tables of remedies and of those who grant them, and their records."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import CheckConstraint, Column, Index, Integer, MetaData, Named, Table, Text, TypedColumns

from services.feedback.remedies.domain import RemedyStatus
from shared.db import record_of
from shared.db.schema import INDEX_NAMES, one_of
from shared.db.triggers import frozen_columns
from shared.db.types import BigInt, Id, Instant, Sealed

metadata = MetaData(naming_convention=INDEX_NAMES)


class RemedyColumns(TypedColumns):
    """A remedy that was granted on a complaint, and its payment."""

    id: Named[str] = Column(Id, primary_key=True)
    complaint_id: Named[str] = Column(Id, index=True)
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
    """The time at which it was paid or refused."""
    refusal_code: Named[str | None] = Column(Text)
    loyalty_txn: Named[str | None] = Column(Id)
    retry_of: Named[str | None] = Column(Id)


remedy = Table(
    "remedy",
    metadata,
    RemedyColumns,
    one_of("status", RemedyStatus, name="remedy_status"),
    CheckConstraint("(status = 'refused') = (refusal_code IS NOT NULL)", name="remedy_refusal"),
    CheckConstraint("kind <> 'points' OR points > 0", name="remedy_points"),
)
Index(
    "remedy_waiting",
    remedy.c.deadline_at,
    postgresql_where=remedy.c.status == "granted",
    sqlite_where=remedy.c.status == "granted",
)
Index("remedy_requested_by", remedy.c.requested_by, remedy.c.granted_at)
Index(
    "remedy_approved_by",
    remedy.c.approved_by,
    remedy.c.granted_at,
    postgresql_where=remedy.c.approved_by.is_not(None),
    sqlite_where=remedy.c.approved_by.is_not(None),
)
Index(
    "remedy_retry_of",
    remedy.c.retry_of,
    unique=True,
    postgresql_where=remedy.c.retry_of.is_not(None),
    sqlite_where=remedy.c.retry_of.is_not(None),
)
frozen_columns(remedy, ["id", "complaint_id", "kind", "points", "amount_minor", "currency", "granted_at"])


@record_of(remedy)
@dataclass(frozen=True, slots=True)
class RemedyRecord:
    """A remedy that was granted for a complaint, and how loyalty answered."""

    id: str
    complaint_id: str
    cycle: int
    kind: str
    points: int | None
    amount_minor: int | None
    currency: str | None
    status: str
    requested_by: str
    approved_by: str | None
    reason_sealed: bytes
    granted_at: datetime
    deadline_at: datetime
    settled_at: datetime | None
    refusal_code: str | None
    loyalty_txn: str | None
    retry_of: str | None


class GranterColumns(TypedColumns):
    """An operator that grants remedies: its row is locked while its grants of the day are counted."""

    operator_id: Named[str] = Column(Id, primary_key=True)


remedy_granter = Table("remedy_granter", metadata, GranterColumns)


@record_of(remedy_granter)
@dataclass(frozen=True, slots=True)
class GranterRecord:
    """An operator that grants remedies."""

    operator_id: str
