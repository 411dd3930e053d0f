"""The table of holds: points that are set aside for a cart. Its facts are frozen, and so is the end of a hold."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import CheckConstraint, Column, Index, Named, Table, Text, TypedColumns

from services.loyalty.ledger.storage.tables import metadata
from shared.db import record_of, triggers
from shared.db.types import BigInt, Id, Instant


class HoldColumns(TypedColumns):
    """The table of holds. The postings of a hold say which lots its points came from."""

    id: Named[int] = Column(BigInt, primary_key=True, autoincrement=False)
    wallet_id: Named[int] = Column(BigInt)
    """The wallet of the identity that the hold is for."""
    identity_id: Named[str] = Column(Id)
    issuer: Named[str] = Column(Id)
    """The issuer that asked for it: the shop, or `partner:<id>`."""
    points: Named[int] = Column(BigInt)
    opened_at: Named[datetime] = Column(Instant)
    booked_at: Named[datetime] = Column(Instant)
    expires_at: Named[datetime] = Column(Instant)
    """The instant from which it is over, whether or not that is booked. It only moves ahead, and only while the hold is open."""
    ended_as: Named[str | None] = Column(Text)
    """`committed`, `cancelled` or `expired`; null: no end is booked."""
    ended_at: Named[datetime | None] = Column(Instant)
    end_booked_at: Named[datetime | None] = Column(Instant)


HOLD_FACTS = ("id", "wallet_id", "identity_id", "issuer", "points", "opened_at", "booked_at")
HOLD_END = ("ended_as", "ended_at", "end_booked_at")

hold = Table(
    "hold",
    metadata,
    HoldColumns,
    CheckConstraint("points >= 0", name="hold_points"),
    CheckConstraint("expires_at > opened_at", name="hold_expires"),
    CheckConstraint("ended_as in ('committed', 'cancelled', 'expired')", name="hold_end"),
)
triggers.frozen_columns(hold, HOLD_FACTS, once=HOLD_END)
_open = hold.c.ended_as.is_(None)
Index("hold_open", hold.c.wallet_id, postgresql_where=_open, sqlite_where=_open)
Index("hold_opened", hold.c.opened_at, hold.c.id)
Index("hold_wallet", hold.c.wallet_id, hold.c.opened_at, hold.c.id)
Index("hold_issuer", hold.c.issuer, hold.c.opened_at, hold.c.id)


@record_of(hold)
@dataclass(frozen=True, slots=True)
class HoldRecord:
    """Points that are set aside for a cart."""

    id: int
    wallet_id: int
    identity_id: str
    issuer: str
    points: int
    opened_at: datetime
    booked_at: datetime
    expires_at: datetime
    ended_as: str | None = None
    ended_at: datetime | None = None
    end_booked_at: datetime | None = None
