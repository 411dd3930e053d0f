"""The tables of purchases and their returns: facts that are only ever added to."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Boolean, Column, Index, MetaData, Named, Table, Text, TypedColumns, literal_column

from services.loyalty.purchases.domain.facts import Line, MemberFacts, UnitRange
from shared.auth.principal import SHOP
from shared.db import record_of, triggers
from shared.db.schema import INDEX_NAMES
from shared.db.types import BigInt, Document, Id, Instant

metadata = MetaData(naming_convention=INDEX_NAMES)


class PurchaseColumns(TypedColumns):
    """The table of purchases."""

    id: Named[int] = Column(BigInt, primary_key=True, autoincrement=False)
    purchase_id: Named[str] = Column(Id, unique=True)
    wallet_id: Named[int] = Column(BigInt)
    identity_id: Named[str] = Column(Id)
    customer_id: Named[str] = Column(Id)
    issuer: Named[str] = Column(Id, server_default=SHOP)
    """The issuer that recorded it. Purchases that were told before issuers were count as the shop's."""
    source: Named[str] = Column(Id)
    order_id: Named[str] = Column(Id)
    occurred_at: Named[datetime] = Column(Instant)
    booked_at: Named[datetime] = Column(Instant)
    currency: Named[str] = Column(Text)
    amount_minor: Named[int] = Column(BigInt)
    lines: Named[tuple[Line, ...]] = Column(Document(tuple[Line, ...]))
    """The lines of the order, in their order."""
    outcome: Named[str] = Column(Text)
    """The reason why the purchase earned what it did: `earning.domain.earning.Outcome`."""
    channel: Named[str | None] = Column(Id)
    store: Named[str | None] = Column(Id)
    rulebook: Named[int] = Column(BigInt, server_default="1")
    """The version of the rules that it earned by. Purchases of the time before there were versions count as the first's."""
    context: Named[MemberFacts | None] = Column(Document(MemberFacts))
    """The facts of the member that the rules looked at, frozen; null: they looked at none."""


purchase = Table("purchase", metadata, PurchaseColumns)
Index("purchase_order", purchase.c.order_id, purchase.c.source, purchase.c.issuer)
"""Not unique: profile keeps orders unique within their issuer, and here a purchase has its own id."""
Index("purchase_window", purchase.c.wallet_id, purchase.c.occurred_at)
SILENT = purchase.c.outcome != literal_column(
    "'earned'"
)  # as a parameter, it would be the condition of no index
"""The condition that a purchase moved no points."""
Index("purchase_silent", purchase.c.wallet_id, purchase.c.id, postgresql_where=SILENT, sqlite_where=SILENT)


@record_of(purchase)
@dataclass(frozen=True, slots=True)
class PurchaseRecord:
    """A purchase with its lines, and why it earned what it did."""

    id: int
    purchase_id: str
    wallet_id: int
    identity_id: str
    customer_id: str
    issuer: str
    source: str
    order_id: str
    occurred_at: datetime
    booked_at: datetime
    currency: str
    amount_minor: int
    lines: tuple[Line, ...]
    outcome: str
    channel: str | None = None
    store: str | None = None
    rulebook: int = 1
    context: MemberFacts | None = None


class ReturnColumns(TypedColumns):
    """The table of returns: units of a purchase went back."""

    id: Named[int] = Column(BigInt, primary_key=True, autoincrement=False)
    return_id: Named[str] = Column(Id, unique=True)
    purchase_id: Named[int] = Column(BigInt, index=True)
    wallet_id: Named[int] = Column(BigInt)
    purchased_at: Named[datetime] = Column(Instant)
    occurred_at: Named[datetime] = Column(Instant)
    booked_at: Named[datetime] = Column(Instant)
    currency: Named[str] = Column(Text)
    amount_minor: Named[int] = Column(BigInt)
    units: Named[tuple[UnitRange, ...]] = Column(Document(tuple[UnitRange, ...]))
    """The units that went back; no two returns of a purchase share a unit."""
    moved_points: Named[bool] = Column(Boolean)
    """It has postings. The member's ledger lists a fact without postings under the fact's own id."""


purchase_return = Table("purchase_return", metadata, ReturnColumns)
Index("purchase_return_window", purchase_return.c.wallet_id, purchase_return.c.purchased_at)
SILENT_RETURN = purchase_return.c.moved_points.is_(False)
"""The condition that a return moved no points."""
Index(
    "purchase_return_silent",
    purchase_return.c.wallet_id,
    purchase_return.c.id,
    postgresql_where=SILENT_RETURN,
    sqlite_where=SILENT_RETURN,
)


@record_of(purchase_return)
@dataclass(frozen=True, slots=True)
class ReturnRecord:
    """A return of units of one purchase."""

    id: int
    return_id: str
    purchase_id: int
    wallet_id: int
    purchased_at: datetime
    occurred_at: datetime
    booked_at: datetime
    currency: str
    amount_minor: int
    units: tuple[UnitRange, ...]
    moved_points: bool


APPEND_ONLY = (purchase, purchase_return)
for _table in APPEND_ONLY:
    triggers.append_only(_table)
