"""The table of remedies: facts that are only ever added to."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Column, MetaData, Named, Table, Text, TypedColumns

from shared.db import record_of, triggers
from shared.db.schema import INDEX_NAMES
from shared.db.types import BigInt, Id, Instant

metadata = MetaData(naming_convention=INDEX_NAMES)


class RemedyColumns(TypedColumns):
    """The table of remedies: points granted for a complaint were credited, or refused; a repeat is answered from it."""

    id: Named[int] = Column(BigInt, primary_key=True, autoincrement=False)
    remedy_id: Named[str] = Column(Id, unique=True)
    complaint_id: Named[str] = Column(Id)
    wallet_id: Named[int | None] = Column(BigInt, index=True)
    """The member's wallet; null where the member is unknown."""
    identity_id: Named[str] = Column(Id)
    customer_id: Named[str] = Column(Id)
    points: Named[int] = Column(BigInt)
    refusal: Named[str | None] = Column(Text)
    """The reason why it was refused; null: it was credited."""
    occurred_at: Named[datetime] = Column(Instant)
    booked_at: Named[datetime] = Column(Instant)


remedy = Table("remedy", metadata, RemedyColumns)


@record_of(remedy)
@dataclass(frozen=True, slots=True)
class RemedyRecord:
    """A remedy that was credited, or refused with a code."""

    id: int
    remedy_id: str
    complaint_id: str
    wallet_id: int | None
    identity_id: str
    customer_id: str
    points: int
    refusal: str | None
    occurred_at: datetime
    booked_at: datetime


APPEND_ONLY = (remedy,)
triggers.append_only(remedy)
