"""The tables of people: identities, their identifiers, and what was recorded about them."""

from datetime import datetime

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
)

from shared.db.schema import INDEX_NAMES
from shared.db.types import Id, Instant, Sealed

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
