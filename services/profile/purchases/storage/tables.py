"""The tables of purchases: purchases, returns and their lines."""

from datetime import datetime
from typing import Any

from sqlalchemy import (
    CheckConstraint,
    Column,
    Index,
    Integer,
    MetaData,
    Named,
    Table,
    Text,
    TypedColumns,
    UniqueConstraint,
)

from shared.db.schema import INDEX_NAMES
from shared.db.triggers import append_only, frozen_columns
from shared.db.types import BigInt, Id, Instant, Json, Sealed

metadata = MetaData(naming_convention=INDEX_NAMES)


class PurchaseColumns(TypedColumns):
    """A purchase: a fact of one identity, for ever."""

    purchase_id: Named[str] = Column(Id, primary_key=True)
    source: Named[str] = Column(Id, nullable=False)
    order_id: Named[str] = Column(Id, nullable=False)
    issuer: Named[str] = Column(Id, nullable=False)
    """Who brought it: `shop` or `partner:<id>`."""
    identity_id: Named[str] = Column(Id, nullable=False)
    customer_id: Named[str] = Column(Id, nullable=False)
    """The owner at recording, so that the first answer can be given again after a merge."""
    purchased_at: Named[datetime] = Column(Instant, nullable=False)
    currency: Named[str] = Column(Text, nullable=False)
    amount_minor: Named[int] = Column(BigInt, nullable=False)
    channel: Named[str | None] = Column(Text)
    store: Named[str | None] = Column(Text)
    content_hash: Named[bytes] = Column(Sealed, nullable=False)
    customer_hash: Named[bytes | None] = Column(Sealed)
    """Keyed; nulled when the identity is erased."""
    unattached: Named[Any] = Column(Json, nullable=False)
    """Kinds of the identifiers that stayed somebody else's."""
    booked_at: Named[datetime] = Column(Instant, nullable=False)


purchases = Table(
    "purchase",
    metadata,
    PurchaseColumns,
    UniqueConstraint("source", "order_id", name="purchase_order"),
    CheckConstraint("amount_minor >= 0", name="purchase_amount"),
)
Index("purchase_identity", purchases.c.identity_id, purchases.c.purchased_at, purchases.c.purchase_id)
frozen_columns(
    purchases,
    (
        "purchase_id",
        "source",
        "order_id",
        "issuer",
        "identity_id",
        "customer_id",
        "purchased_at",
        "currency",
        "amount_minor",
        "content_hash",
        "booked_at",
    ),
)


class PurchaseLineColumns(TypedColumns):
    """One line of a purchase; of it only the count of returned units changes."""

    purchase_id: Named[str] = Column(Id, primary_key=True)
    line: Named[int] = Column(Integer, primary_key=True)
    sku: Named[str] = Column(Text, nullable=False)
    quantity: Named[int] = Column(BigInt, nullable=False)
    amount_minor: Named[int] = Column(BigInt, nullable=False)
    category: Named[str | None] = Column(Text)
    brand: Named[str | None] = Column(Text)
    name: Named[bytes | None] = Column(Sealed)
    """Sealed under the identity's key: an engraving is personal."""
    returned_quantity: Named[int] = Column(BigInt, nullable=False)


purchase_lines = Table(
    "purchase_line",
    metadata,
    PurchaseLineColumns,
    CheckConstraint("quantity > 0", name="purchase_line_quantity"),
    CheckConstraint("amount_minor >= 0", name="purchase_line_amount"),
    CheckConstraint(
        "returned_quantity >= 0 and returned_quantity <= quantity", name="purchase_line_returned"
    ),
)
frozen_columns(purchase_lines, ("purchase_id", "line", "sku", "quantity", "amount_minor"))


class ReturnColumns(TypedColumns):
    """A return: units of one purchase that went back; of that purchase's identity."""

    return_id: Named[str] = Column(Id, primary_key=True)
    source: Named[str] = Column(Id, nullable=False)
    source_return_id: Named[str] = Column(Id, nullable=False)
    """The return's id in its source."""
    issuer: Named[str] = Column(Id, nullable=False)
    purchase_id: Named[str] = Column(Id, nullable=False, index=True)
    identity_id: Named[str] = Column(Id, nullable=False)
    customer_id: Named[str] = Column(Id, nullable=False)
    returned_at: Named[datetime] = Column(Instant, nullable=False)
    amount_minor: Named[int] = Column(BigInt, nullable=False)
    content_hash: Named[bytes] = Column(Sealed, nullable=False)
    booked_at: Named[datetime] = Column(Instant, nullable=False)


returns = Table(
    "purchase_return",
    metadata,
    ReturnColumns,
    UniqueConstraint("source", "source_return_id", name="purchase_return_told"),
    CheckConstraint("amount_minor >= 0", name="purchase_return_amount"),
)
append_only(returns)


class ReturnLineColumns(TypedColumns):
    """Which units of which line went back."""

    return_id: Named[str] = Column(Id, primary_key=True)
    line: Named[int] = Column(Integer, primary_key=True)
    purchase_id: Named[str] = Column(Id, nullable=False)
    quantity: Named[int] = Column(BigInt, nullable=False)
    unit_from: Named[int] = Column(BigInt, nullable=False)
    unit_to: Named[int] = Column(BigInt, nullable=False)
    amount_minor: Named[int] = Column(BigInt, nullable=False)


return_lines = Table(
    "return_line",
    metadata,
    ReturnLineColumns,
    UniqueConstraint("purchase_id", "line", "unit_to", name="return_line_units"),
    CheckConstraint("unit_from >= 1 and unit_to - unit_from + 1 = quantity", name="return_line_range"),
    CheckConstraint("amount_minor >= 0", name="return_line_amount"),
)
append_only(return_lines)
