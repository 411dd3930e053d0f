"""The table of opening balances: facts that are only ever added to."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import CheckConstraint, Column, MetaData, Named, Table, TypedColumns

from shared.db import record_of, triggers
from shared.db.schema import INDEX_NAMES
from shared.db.types import BigInt, Id, Instant, Sealed

metadata = MetaData(naming_convention=INDEX_NAMES)


class OpeningColumns(TypedColumns):
    """The table of opening balances: points that members had in another system were brought in."""

    id: Named[int] = Column(BigInt, primary_key=True, autoincrement=False)
    key: Named[bytes] = Column(Sealed, unique=True)
    """The natural key: the keyed hash of issuer, source and id of the row, which may be the number of a member's card."""
    wallet_id: Named[int] = Column(BigInt, index=True)
    identity_id: Named[str] = Column(Id)
    customer_id: Named[str] = Column(Id)
    source: Named[str] = Column(Id)
    """The system that the points come from."""
    points: Named[int] = Column(BigInt)
    earned_at: Named[datetime] = Column(Instant)
    available_at: Named[datetime | None] = Column(Instant)
    expires_at: Named[datetime | None] = Column(Instant)
    """As the row said it; null: the programme said it."""
    occurred_at: Named[datetime] = Column(Instant)
    booked_at: Named[datetime] = Column(Instant)


opening = Table("opening", metadata, OpeningColumns, CheckConstraint("points > 0", name="opening_moves"))


@record_of(opening)
@dataclass(frozen=True, slots=True)
class OpeningRecord:
    """Points that a member had in another system."""

    id: int
    key: bytes
    wallet_id: int
    identity_id: str
    customer_id: str
    source: str
    points: int
    earned_at: datetime
    available_at: datetime | None
    expires_at: datetime | None
    occurred_at: datetime
    booked_at: datetime


APPEND_ONLY = (opening,)
triggers.append_only(opening)
