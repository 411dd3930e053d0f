"""The tables of purchases, each with its record: purchases, returns and their lines."""

from dataclasses import dataclass
from datetime import datetime

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

from services.profile.people.domain.identifiers import IdentifierKind
from services.profile.purchases.domain.purchases import OrderKey
from services.profile.purchases.domain.returns import ReturnKey
from shared.auth.principal import SHOP
from shared.db import record_of
from shared.db.partial import index_without
from shared.db.schema import INDEX_NAMES
from shared.db.triggers import append_only, frozen_columns
from shared.db.types import BigInt, Document, Id, Instant, Sealed

metadata = MetaData(naming_convention=INDEX_NAMES)


class PurchaseColumns(TypedColumns):
    """A purchase: a fact about one identity, for ever, or about nobody until somebody claims it."""

    purchase_id: Named[str] = Column(Id, primary_key=True)
    source: Named[str] = Column(Id, nullable=False)
    order_id: Named[str] = Column(Id, nullable=False)
    issuer: Named[str] = Column(Id, nullable=False)
    """The issuer that reported it: `shop` or `partner:<id>`."""
    identity_id: Named[str | None] = Column(Id)
    """Null while the purchase is anonymous."""
    customer_id: Named[str | None] = Column(Id)
    """The owner at recording or at the claim, so that the first answer can be given again after a merge."""
    claimed_at: Named[datetime | None] = Column(Instant)
    """When an anonymous purchase got its identity; null of one that was recorded with a customer."""
    purchased_at: Named[datetime] = Column(Instant, nullable=False)
    currency: Named[str] = Column(Text, nullable=False)
    amount_minor: Named[int] = Column(BigInt, nullable=False)
    channel: Named[str | None] = Column(Text)
    store: Named[str | None] = Column(Text)
    content_hash: Named[bytes] = Column(Sealed, nullable=False)
    customer_hash: Named[bytes | None] = Column(Sealed)
    """Keyed; nulled when the identity is erased."""
    unattached: Named[tuple[IdentifierKind, ...]] = Column(
        Document(tuple[IdentifierKind, ...]), nullable=False
    )
    """The kinds of the identifiers that stayed another customer's."""
    booked_at: Named[datetime] = Column(Instant, nullable=False)


purchase = Table(
    "purchase",
    metadata,
    PurchaseColumns,
    UniqueConstraint("source", "order_id", "issuer", name="purchase_order"),
    CheckConstraint("amount_minor >= 0", name="purchase_amount"),
    CheckConstraint("(identity_id is null) = (customer_id is null)", name="purchase_customer"),
    CheckConstraint("claimed_at is null or identity_id is not null", name="purchase_claim"),
)
Index("purchase_recorded", purchase.c.booked_at, purchase.c.purchase_id)
Index("purchase_purchased", purchase.c.purchased_at, purchase.c.purchase_id)
Index("purchase_identity", purchase.c.identity_id, purchase.c.purchased_at, purchase.c.purchase_id)
index_without(SHOP, "purchase_of_partner", purchase.c.issuer, purchase.c.booked_at, purchase.c.purchase_id)
Index(
    "purchase_anonymous",
    purchase.c.purchase_id,
    postgresql_where=purchase.c.identity_id.is_(None),
    sqlite_where=purchase.c.identity_id.is_(None),
)
frozen_columns(
    purchase,
    (
        "purchase_id",
        "source",
        "order_id",
        "issuer",
        "purchased_at",
        "currency",
        "amount_minor",
        "content_hash",
        "booked_at",
    ),
    once=("identity_id", "customer_id", "claimed_at"),
)


@record_of(purchase)
@dataclass(frozen=True, slots=True)
class PurchaseRecord:
    """A purchase, with its first answer and the hashes that a repeat is compared with."""

    purchase_id: str
    source: str
    order_id: str
    issuer: str
    identity_id: str | None
    customer_id: str | None
    claimed_at: datetime | None
    purchased_at: datetime
    currency: str
    amount_minor: int
    channel: str | None
    store: str | None
    content_hash: bytes
    customer_hash: bytes | None
    unattached: tuple[IdentifierKind, ...]
    booked_at: datetime

    @property
    def key(self) -> OrderKey:
        """The natural key."""
        return OrderKey(self.issuer, self.source, self.order_id)

    @property
    def is_erased(self) -> bool:
        """Whether its customer was erased: then neither the customer nor the names of its lines can be compared."""
        return self.customer_hash is None

    @property
    def holder(self) -> str:
        """The identity of a purchase that is not anonymous."""
        assert self.identity_id is not None, "it is anonymous"
        return self.identity_id

    @property
    def was_anonymous(self) -> bool:
        """Return whether it was recorded without a customer. Then its first answer and its repeats name none."""
        return self.identity_id is None or self.claimed_at is not None


class PurchaseLineColumns(TypedColumns):
    """One line of a purchase; only its count of returned units changes."""

    purchase_id: Named[str] = Column(Id, primary_key=True)
    line: Named[int] = Column(Integer, primary_key=True)
    sku: Named[str] = Column(Text, nullable=False)
    quantity: Named[int] = Column(BigInt, nullable=False)
    amount_minor: Named[int] = Column(BigInt, nullable=False)
    category: Named[str | None] = Column(Text)
    brand: Named[str | None] = Column(Text)
    name: Named[bytes | None] = Column(Sealed)
    """Sealed under the identity's key: an engraving is personal. An anonymous purchase keeps none."""
    returned_quantity: Named[int] = Column(BigInt, nullable=False)


purchase_line = Table(
    "purchase_line",
    metadata,
    PurchaseLineColumns,
    CheckConstraint("quantity > 0", name="purchase_line_quantity"),
    CheckConstraint("amount_minor >= 0", name="purchase_line_amount"),
    CheckConstraint(
        "returned_quantity >= 0 and returned_quantity <= quantity", name="purchase_line_returned"
    ),
)
frozen_columns(purchase_line, ("purchase_id", "line", "sku", "quantity", "amount_minor"))


@record_of(purchase_line)
@dataclass(frozen=True, slots=True)
class PurchaseLineRecord:
    """A line of a purchase, and how many of its units went back."""

    purchase_id: str
    line: int
    sku: str
    quantity: int
    amount_minor: int
    category: str | None
    brand: str | None
    name: bytes | None
    returned_quantity: int


class ReturnColumns(TypedColumns):
    """A return: units of one purchase that went back; it belongs to the identity of that purchase.

    If the purchase was anonymous then, its identity stands at the purchase alone, once somebody has claimed it.
    """

    return_id: Named[str] = Column(Id, primary_key=True)
    source: Named[str] = Column(Id, nullable=False)
    source_return_id: Named[str] = Column(Id, nullable=False)
    """The return's id in its source."""
    issuer: Named[str] = Column(Id, nullable=False)
    order_id: Named[str] = Column(Id, nullable=False)
    purchase_id: Named[str] = Column(Id, nullable=False, index=True)
    identity_id: Named[str | None] = Column(Id)
    customer_id: Named[str | None] = Column(Id)
    returned_at: Named[datetime] = Column(Instant, nullable=False)
    currency: Named[str] = Column(Text, nullable=False)
    amount_minor: Named[int] = Column(BigInt, nullable=False)
    content_hash: Named[bytes] = Column(Sealed, nullable=False)
    booked_at: Named[datetime] = Column(Instant, nullable=False)


purchase_return = Table(
    "purchase_return",
    metadata,
    ReturnColumns,
    UniqueConstraint("source", "source_return_id", "issuer", name="purchase_return_reported"),
    CheckConstraint("amount_minor >= 0", name="purchase_return_amount"),
)
Index("purchase_return_recorded", purchase_return.c.booked_at, purchase_return.c.return_id)
Index("purchase_return_returned", purchase_return.c.returned_at, purchase_return.c.return_id)
index_without(
    SHOP,
    "purchase_return_of_partner",
    purchase_return.c.issuer,
    purchase_return.c.booked_at,
    purchase_return.c.return_id,
)
append_only(purchase_return)


@record_of(purchase_return)
@dataclass(frozen=True, slots=True)
class ReturnRecord:
    """A return of units of one purchase."""

    return_id: str
    source: str
    source_return_id: str
    issuer: str
    order_id: str
    purchase_id: str
    identity_id: str | None
    customer_id: str | None
    returned_at: datetime
    currency: str
    amount_minor: int
    content_hash: bytes
    booked_at: datetime

    @property
    def key(self) -> ReturnKey:
        """The natural key."""
        return ReturnKey(self.issuer, self.source, self.source_return_id)


class ReturnLineColumns(TypedColumns):
    """The units of one line of a purchase that went back with one return."""

    return_id: Named[str] = Column(Id, primary_key=True)
    line: Named[int] = Column(Integer, primary_key=True)
    purchase_id: Named[str] = Column(Id, nullable=False)
    quantity: Named[int] = Column(BigInt, nullable=False)
    unit_from: Named[int] = Column(BigInt, nullable=False)
    unit_to: Named[int] = Column(BigInt, nullable=False)
    amount_minor: Named[int] = Column(BigInt, nullable=False)


return_line = Table(
    "return_line",
    metadata,
    ReturnLineColumns,
    UniqueConstraint("purchase_id", "line", "unit_to", name="return_line_units"),
    CheckConstraint("unit_from >= 1 and unit_to - unit_from + 1 = quantity", name="return_line_range"),
    CheckConstraint("amount_minor >= 0", name="return_line_amount"),
)
append_only(return_line)


@record_of(return_line)
@dataclass(frozen=True, slots=True)
class ReturnLineRecord:
    """The units of one line that a return took back."""

    return_id: str
    line: int
    purchase_id: str
    quantity: int
    unit_from: int
    unit_to: int
    amount_minor: int


class ClaimTriesColumns(TypedColumns):
    """The failed tries of a customer to claim a receipt. They are counted so that nobody can try all receipts."""

    customer_id: Named[str] = Column(Id, primary_key=True)
    failed: Named[int] = Column(Integer, nullable=False)
    since: Named[datetime] = Column(Instant, nullable=False)
    """When the first of them was."""


claim_tries = Table("claim_tries", metadata, ClaimTriesColumns)


@record_of(claim_tries)
@dataclass(frozen=True, slots=True)
class ClaimTriesRecord:
    """The failed tries of a customer to claim a receipt."""

    customer_id: str
    failed: int
    since: datetime
