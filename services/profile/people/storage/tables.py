"""The tables of people, each with its record: identities, their identifiers, and what was reported about them."""

from dataclasses import dataclass
from datetime import datetime
from typing import get_args

from sqlalchemy import (
    CheckConstraint,
    Column,
    Index,
    MetaData,
    Named,
    SmallInteger,
    Table,
    Text,
    TypedColumns,
)

from services.profile.people.domain.customers import IdentifierState, IdentityState, Origin
from services.profile.people.domain.identifiers import IdentifierKind
from services.profile.people.domain.survivorship import Evidence
from shared.auth.principal import SHOP
from shared.db import record_of
from shared.db.partial import index_without
from shared.db.schema import FILLED_BY_UPGRADE, INDEX_NAMES, one_of
from shared.db.types import BigInt, Id, Instant, Sealed

metadata = MetaData(naming_convention=INDEX_NAMES)


class IdentityColumns(TypedColumns):
    """An identity: facts are recorded for it. Only its owner and its state change."""

    identity_id: Named[str] = Column(Id, primary_key=True)
    owner_id: Named[str] = Column(Id, nullable=False)
    """The customer it belongs to; at first its own id."""
    ownership_version: Named[int] = Column(BigInt, nullable=False)
    record_version: Named[int] = Column(BigInt, nullable=False)
    """The version of what events told of it. 0: it is older than the references in events, so they are still to be told."""
    state: Named[str] = Column(Text, nullable=False)
    origin: Named[str] = Column(Text, nullable=False)
    """The kind of the fact that brought it into being: `purchase` or `registration`."""
    issuer: Named[str] = Column(Id, nullable=False)
    """The issuer that brought it: `shop` or `partner:<id>`."""
    source: Named[str | None] = Column(Text)
    created_at: Named[datetime] = Column(Instant, nullable=False)
    booked_at: Named[datetime] = Column(Instant, nullable=False)
    updated_at: Named[datetime] = Column(Instant, server_default=FILLED_BY_UPGRADE, nullable=False)
    """The booking time of the last change of what is known of it or of an identity that it owns: an identifier, a name, an owner,
    a state. So the row of an owner alone decides where its customer stands in a list."""


identity = Table(
    "identity",
    metadata,
    IdentityColumns,
    one_of("state", get_args(IdentityState), name="identity_state"),
    CheckConstraint("ownership_version >= 0", name="identity_ownership_version"),
)
Index(
    "identity_owned",
    identity.c.owner_id,
    postgresql_where=identity.c.owner_id != identity.c.identity_id,
    sqlite_where=identity.c.owner_id != identity.c.identity_id,
)
Index("identity_created", identity.c.created_at, identity.c.identity_id)
Index("identity_updated", identity.c.updated_at, identity.c.identity_id)
index_without(SHOP, "identity_of_partner", identity.c.issuer, identity.c.identity_id)
index_without(
    SHOP, "identity_of_partner_updated", identity.c.issuer, identity.c.updated_at, identity.c.identity_id
)
Index(
    "identity_untold",
    identity.c.identity_id,
    postgresql_where=identity.c.record_version == 0,
    sqlite_where=identity.c.record_version == 0,
)


@record_of(identity)
@dataclass(frozen=True, slots=True)
class IdentityRecord:
    """An identity, its owner and its state."""

    identity_id: str
    owner_id: str
    origin: Origin
    issuer: str
    source: str | None
    created_at: datetime
    booked_at: datetime
    updated_at: datetime
    ownership_version: int = 0
    record_version: int = 0
    state: IdentityState = "active"


class IdentifierColumns(TypedColumns):
    """An identifier of an identity: found by its blind index, readable with the identity's own key.

    It resolves within its issuer. The blind index of a phone or an e-mail is the same for all issuers, so that a later
    match can find that two issuers know one person; the issuer beside it keeps them apart until then.
    """

    identity_id: Named[str] = Column(Id, primary_key=True)
    kind: Named[str] = Column(Text, nullable=False)
    issuer: Named[str] = Column(Id, primary_key=True)
    """The issuer that told it: `shop` or `partner:<id>`."""
    blind_key: Named[int] = Column(SmallInteger, nullable=False)
    blind_index: Named[bytes] = Column(Sealed, primary_key=True)
    blind_index_next: Named[bytes | None] = Column(Sealed)
    sealed: Named[bytes] = Column(Sealed, nullable=False)
    state: Named[str] = Column(Text, nullable=False)
    """`resolving`: it leads facts of its issuer to this identity; `contested`: it leads to another identity of the
    issuer and is kept for later."""
    verified_at: Named[datetime | None] = Column(Instant)
    record_id: Named[str] = Column(Id, nullable=False)
    seen_at: Named[datetime] = Column(Instant, nullable=False)
    booked_at: Named[datetime] = Column(Instant, nullable=False)


identifier = Table(
    "identifier",
    metadata,
    IdentifierColumns,
    one_of("state", get_args(IdentifierState), name="identifier_state"),
)
_resolves = identifier.c.state == "resolving"
_resolves_next = _resolves & identifier.c.blind_index_next.is_not(None)
"""Without the second half, PostgreSQL reads a whole issuer in this index as long as it has no statistics."""
for _name, _column, _where in (
    ("resolving", identifier.c.blind_index, _resolves),
    ("resolving_next", identifier.c.blind_index_next, _resolves_next),
):
    Index(
        f"identifier_{_name}",
        _column,
        identifier.c.issuer,
        unique=True,
        postgresql_where=_where,
        sqlite_where=_where,
    )
Index(
    "identifier_not_resolving",
    identifier.c.blind_index,
    postgresql_where=identifier.c.state != "resolving",
    sqlite_where=identifier.c.state != "resolving",
)


@record_of(identifier)
@dataclass(frozen=True, slots=True)
class IdentifierRecord:
    """An identifier of an identity: its blind index and its sealed value."""

    identity_id: str
    kind: IdentifierKind
    issuer: str
    blind_key: int
    blind_index: bytes
    sealed: bytes
    state: IdentifierState
    record_id: str
    seen_at: datetime
    booked_at: datetime
    blind_index_next: bytes | None = None
    verified_at: datetime | None = None


class SourceRecordColumns(TypedColumns):
    """A report about a customer, kept as reported; a purchase is its own source record."""

    record_id: Named[str] = Column(Id, primary_key=True)
    kind: Named[str] = Column(Text, nullable=False)
    source: Named[str | None] = Column(Text)
    source_key: Named[str | None] = Column(Id)
    batch_id: Named[str | None] = Column(Id)
    identity_id: Named[str] = Column(Id, nullable=False, index=True)
    occurred_at: Named[datetime] = Column(Instant, nullable=False)
    booked_at: Named[datetime] = Column(Instant, nullable=False)
    sealed: Named[bytes | None] = Column(Sealed)


source_record = Table("source_record", metadata, SourceRecordColumns)


@record_of(source_record)
@dataclass(frozen=True, slots=True)
class SourceRecord:
    """A record from which an identity was learnt, other than a purchase."""

    record_id: str
    kind: str
    source: str | None
    identity_id: str
    occurred_at: datetime
    booked_at: datetime
    sealed: bytes | None
    source_key: str | None = None
    batch_id: str | None = None


class CustomerValueColumns(TypedColumns):
    """One value of one field from one source record; survivorship chooses among the values of a customer."""

    identity_id: Named[str] = Column(Id, primary_key=True)
    field: Named[str] = Column(Text, primary_key=True)
    record_id: Named[str] = Column(Id, primary_key=True)
    issuer: Named[str] = Column(Id, nullable=False)
    """The issuer that gave it. A partner sees only the values that it gave."""
    sealed: Named[bytes | None] = Column(Sealed)
    """Raw and normalised, as JSON; null when the value is an absence."""
    evidence: Named[str] = Column(Text, nullable=False)
    """Declared, observed or inferred."""
    confidence: Named[int] = Column(SmallInteger, nullable=False)
    """0 to 100."""
    verified_at: Named[datetime | None] = Column(Instant)
    observed_at: Named[datetime] = Column(Instant, nullable=False)
    expires_at: Named[datetime | None] = Column(Instant)
    absence: Named[str | None] = Column(Text)


customer_value = Table(
    "customer_value",
    metadata,
    CustomerValueColumns,
    one_of("evidence", get_args(Evidence), name="customer_value_evidence"),
    CheckConstraint("absence is null or absence in ('empty', 'refused')", name="customer_value_absence"),
    CheckConstraint("confidence >= 0 and confidence <= 100", name="customer_value_confidence"),
)


@record_of(customer_value)
@dataclass(frozen=True, slots=True)
class CustomerValueRecord:
    """A sealed value of one field of an identity, as one record gave it."""

    identity_id: str
    field: str
    record_id: str
    issuer: str
    sealed: bytes | None
    evidence: Evidence
    confidence: int
    observed_at: datetime
    verified_at: datetime | None = None
    expires_at: datetime | None = None
    absence: str | None = None
