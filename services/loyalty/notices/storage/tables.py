"""The table of notices: what was told ahead, each once. A row is a fact."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import CheckConstraint, Column, MetaData, Named, Table, TypedColumns, UniqueConstraint

from shared.db import record_of, triggers
from shared.db.schema import INDEX_NAMES
from shared.db.types import BigInt, Id, Instant

metadata = MetaData(naming_convention=INDEX_NAMES)

POINTS_EXPIRING = "points_expiring"


class NoticeColumns(TypedColumns):
    """The table of notices: facts.

    A notice is about one thing of a wallet that happens after `from_at` and up to `until_at`. That and the lead time are its key.
    """

    id: Named[int] = Column(BigInt, primary_key=True, autoincrement=False)
    kind: Named[str] = Column(Id)
    wallet_id: Named[int] = Column(BigInt)
    identity_id: Named[str] = Column(Id)
    customer_id: Named[str] = Column(Id)
    lead_days: Named[int] = Column(BigInt)
    from_at: Named[datetime] = Column(Instant)
    until_at: Named[datetime] = Column(Instant)
    expires_at: Named[datetime] = Column(Instant)
    points: Named[int] = Column(BigInt)
    booked_at: Named[datetime] = Column(Instant)


notice = Table(
    "notice",
    metadata,
    NoticeColumns,
    UniqueConstraint("wallet_id", "kind", "lead_days", "from_at", name="notice_key"),
    CheckConstraint("points > 0", name="notice_points"),
    CheckConstraint("from_at < expires_at and expires_at <= until_at", name="notice_bounds"),
    CheckConstraint("booked_at < expires_at", name="notice_ahead"),
)


@record_of(notice)
@dataclass(frozen=True, slots=True)
class NoticeRecord:
    """Something that a member was told ahead."""

    id: int
    kind: str
    wallet_id: int
    identity_id: str
    customer_id: str
    lead_days: int
    from_at: datetime
    until_at: datetime
    expires_at: datetime
    points: int
    booked_at: datetime


triggers.append_only(notice)
