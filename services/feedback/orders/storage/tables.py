"""The tables of orders, and their records."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Column, Index, MetaData, Named, Table, Text, TypedColumns

from services.feedback.orders.domain import OrderLine, ReturnedUnits
from shared.db import record_of
from shared.db.schema import INDEX_NAMES
from shared.db.triggers import append_only
from shared.db.types import BigInt, Document, Id, Instant

metadata = MetaData(naming_convention=INDEX_NAMES)


class OrderColumns(TypedColumns):
    """A purchase as profile published it: a complaint's order reference is joined to it."""

    purchase_id: Named[str] = Column(Id, primary_key=True)
    issuer: Named[str | None] = Column(Id)
    """The issuer that recorded it; null if it was told before issuers were: then it is that of the identity."""
    source: Named[str] = Column(Id)
    order_id: Named[str] = Column(Id)
    identity_id: Named[str] = Column(Id, index=True)
    occurred_at: Named[datetime] = Column(Instant)
    currency: Named[str] = Column(Text)
    amount_minor: Named[int] = Column(BigInt)
    lines: Named[tuple[OrderLine, ...]] = Column(Document(tuple[OrderLine, ...]))


order_fact = Table("order_fact", metadata, OrderColumns)
Index("order_fact_reference", order_fact.c.source, order_fact.c.order_id)
"""Not unique: profile keeps orders unique within their issuer, and here a purchase has its own id."""
append_only(order_fact)


@record_of(order_fact)
@dataclass(frozen=True, slots=True)
class OrderRecord:
    """A purchase, as its event told it."""

    purchase_id: str
    issuer: str | None
    source: str
    order_id: str
    identity_id: str
    occurred_at: datetime
    currency: str
    amount_minor: int
    lines: tuple[OrderLine, ...]


class OrderReturnColumns(TypedColumns):
    """A return as profile published it; its purchase may be published later."""

    return_id: Named[str] = Column(Id, primary_key=True)
    purchase_id: Named[str] = Column(Id, index=True)
    identity_id: Named[str] = Column(Id, index=True)
    occurred_at: Named[datetime] = Column(Instant)
    currency: Named[str] = Column(Text)
    amount_minor: Named[int] = Column(BigInt)
    lines: Named[tuple[ReturnedUnits, ...]] = Column(Document(tuple[ReturnedUnits, ...]))


order_return = Table("order_return", metadata, OrderReturnColumns)
append_only(order_return)


@record_of(order_return)
@dataclass(frozen=True, slots=True)
class OrderReturnRecord:
    """A return, as its event told it."""

    return_id: str
    purchase_id: str
    identity_id: str
    occurred_at: datetime
    currency: str
    amount_minor: int
    lines: tuple[ReturnedUnits, ...]
