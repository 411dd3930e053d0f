"""The table of redemptions: facts that are only ever added to."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Column, Index, MetaData, Named, Table, TypedColumns

from services.loyalty.purchases.domain.facts import Line
from shared.db import record_of, triggers
from shared.db.schema import INDEX_NAMES
from shared.db.types import BigInt, Document, Id, Instant, Sealed

metadata = MetaData(naming_convention=INDEX_NAMES)


class RedemptionColumns(TypedColumns):
    """The table of redemptions: points were spent, for an order or for something outside."""

    id: Named[int] = Column(BigInt, primary_key=True, autoincrement=False)
    key: Named[bytes] = Column(Sealed, unique=True)
    """The natural key: the keyed hash of principal, operation and Idempotency-Key."""
    wallet_id: Named[int] = Column(BigInt)
    identity_id: Named[str] = Column(Id)
    customer_id: Named[str] = Column(Id)
    order_token: Named[bytes | None] = Column(Sealed)
    """The keyed hash of the order's issuer, source and id: the same for the same order, of whichever member."""
    order_sealed: Named[bytes | None] = Column(Sealed)
    """The order's issuer, source and id, as the member named it."""
    points: Named[int] = Column(BigInt)
    base: Named[int] = Column(BigInt)
    """The sum of the lines in minor units."""
    lines: Named[tuple[Line, ...]] = Column(Document(tuple[Line, ...]))
    """The lines of the order at their amounts before points; with no lines, returns give nothing back."""
    reference: Named[bytes | None] = Column(Sealed)
    occurred_at: Named[datetime] = Column(Instant)
    booked_at: Named[datetime] = Column(Instant)


redemption = Table("redemption", metadata, RedemptionColumns)
Index("redemption_wallet", redemption.c.wallet_id, redemption.c.id)
_for_order = redemption.c.order_token.is_not(None)
Index(
    "redemption_order",
    redemption.c.order_token,
    postgresql_where=_for_order,
    sqlite_where=_for_order,
)


@record_of(redemption)
@dataclass(frozen=True, slots=True)
class RedemptionRecord:
    """Points that a member spent, and on what."""

    id: int
    key: bytes
    wallet_id: int
    identity_id: str
    customer_id: str
    order_token: bytes | None
    order_sealed: bytes | None
    points: int
    base: int
    lines: tuple[Line, ...]
    reference: bytes | None
    occurred_at: datetime
    booked_at: datetime


APPEND_ONLY = (redemption,)
triggers.append_only(redemption)
