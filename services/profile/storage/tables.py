"""The tables of the profile service (models/profile §1): identities, what names them, and what they bought."""

from datetime import datetime
from typing import Any

from sqlalchemy import (
    CheckConstraint,
    Column,
    Index,
    Integer,
    MetaData,
    Named,
    SmallInteger,
    Table,
    Text,
    TypedColumns,
    UniqueConstraint,
)

from shared.db.schema import INDEX_NAMES
from shared.db.triggers import append_only, frozen_columns
from shared.db.types import BigInt, Id, Instant, Json, Sealed

metadata = MetaData(naming_convention=INDEX_NAMES)


class IdentityColumns(TypedColumns):
    """Whom facts are recorded for: immutable but for its owner and its state."""

    identity_id: Named[str] = Column(Id, primary_key=True)
    owner_id: Named[str] = Column(Id, nullable=False)
    """The customer it belongs to; its own id at birth."""
    ownership_version: Named[int] = Column(Integer, nullable=False)
    record_version: Named[int] = Column(Integer, nullable=False)
    state: Named[str] = Column(Text, nullable=False)
    origin: Named[str] = Column(Text, nullable=False)
    """How it came into being: `purchase` or `registration`."""
    issuer: Named[str] = Column(Id, nullable=False)
    """Who brought it: `shop` or `partner:<id>`."""
    source: Named[str | None] = Column(Text)
    created_at: Named[datetime] = Column(Instant, nullable=False)
    booked_at: Named[datetime] = Column(Instant, nullable=False)


identities = Table(
    "identity",
    metadata,
    IdentityColumns,
    CheckConstraint("state in ('active', 'anonymous', 'erased')", name="identity_state"),
    CheckConstraint("ownership_version >= 0", name="identity_ownership_version"),
)
Index(
    "identity_owned",
    identities.c.owner_id,
    postgresql_where=identities.c.owner_id != identities.c.identity_id,
    sqlite_where=identities.c.owner_id != identities.c.identity_id,
)


class IdentifierColumns(TypedColumns):
    """What names an identity: found by its keyed index, readable with the identity's own key."""

    identity_id: Named[str] = Column(Id, primary_key=True)
    kind: Named[str] = Column(Text, nullable=False)
    issuer: Named[str] = Column(Id, nullable=False)
    blind_key: Named[int] = Column(SmallInteger, nullable=False)
    blind_index: Named[bytes] = Column(Sealed, primary_key=True)
    blind_index_next: Named[bytes | None] = Column(Sealed)
    sealed: Named[bytes] = Column(Sealed, nullable=False)
    state: Named[str] = Column(Text, nullable=False)
    """`resolving`: facts that name it are this identity's; `contested`: it is somebody else's, kept for later."""
    verified_at: Named[datetime | None] = Column(Instant)
    record_id: Named[str] = Column(Id, nullable=False)
    seen_at: Named[datetime] = Column(Instant, nullable=False)
    booked_at: Named[datetime] = Column(Instant, nullable=False)


identifiers = Table(
    "identifier",
    metadata,
    IdentifierColumns,
    CheckConstraint(
        "state in ('resolving', 'contested', 'shared', 'blocked', 'retired')", name="identifier_state"
    ),
)
for _name, _column in (
    ("resolving", identifiers.c.blind_index),
    ("resolving_next", identifiers.c.blind_index_next),
):
    Index(
        f"identifier_{_name}",
        _column,
        unique=True,
        postgresql_where=identifiers.c.state == "resolving",
        sqlite_where=identifiers.c.state == "resolving",
    )
Index(
    "identifier_not_resolving",
    identifiers.c.blind_index,
    postgresql_where=identifiers.c.state != "resolving",
    sqlite_where=identifiers.c.state != "resolving",
)


class SourceRecordColumns(TypedColumns):
    """A customer as somebody told of them, kept as told; a purchase is its own source record."""

    record_id: Named[str] = Column(Id, primary_key=True)
    kind: Named[str] = Column(Text, nullable=False)
    source: Named[str | None] = Column(Text)
    source_key: Named[str | None] = Column(Id)
    batch_id: Named[str | None] = Column(Id)
    identity_id: Named[str] = Column(Id, nullable=False, index=True)
    occurred_at: Named[datetime] = Column(Instant, nullable=False)
    booked_at: Named[datetime] = Column(Instant, nullable=False)
    sealed: Named[bytes | None] = Column(Sealed)


source_records = Table("source_record", metadata, SourceRecordColumns)


class ValueColumns(TypedColumns):
    """One value of one field from one source record; the customer is the survivorship fold over them."""

    identity_id: Named[str] = Column(Id, primary_key=True)
    field: Named[str] = Column(Text, primary_key=True)
    record_id: Named[str] = Column(Id, primary_key=True)
    sealed: Named[bytes | None] = Column(Sealed)
    """Raw and normalised, as JSON; null when the value is an absence."""
    evidence: Named[str] = Column(Text, nullable=False)
    """How it is known: declared, observed or inferred."""
    confidence: Named[int] = Column(SmallInteger, nullable=False)
    """0 to 100."""
    verified_at: Named[datetime | None] = Column(Instant)
    observed_at: Named[datetime] = Column(Instant, nullable=False)
    expires_at: Named[datetime | None] = Column(Instant)
    absence: Named[str | None] = Column(Text)


customer_values = Table(
    "customer_value",
    metadata,
    ValueColumns,
    CheckConstraint("evidence in ('declared', 'observed', 'inferred')", name="customer_value_evidence"),
    CheckConstraint("absence is null or absence in ('empty', 'refused')", name="customer_value_absence"),
    CheckConstraint("confidence >= 0 and confidence <= 100", name="customer_value_confidence"),
)


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
