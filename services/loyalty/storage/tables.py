"""The tables of the ledger: facts and postings that are only ever added to, and projections beside them."""

from __future__ import annotations

from datetime import datetime
from typing import Any

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
    UniqueConstraint,
    text,
)

from shared.db import blocks, triggers
from shared.db.schema import INDEX_NAMES
from shared.db.types import BigInt, Id, Instant, Json, Sealed

metadata = MetaData(naming_convention=INDEX_NAMES)

PROGRAMME = 1
"""Id of the one programme so far."""
SPENDABLE = 1
"""The kind of wallet whose points can be spent."""

ledger_id = blocks.declare(metadata, "ledger_id")


class ProgrammeColumns(TypedColumns):
    """Projection of the newest version of a programme's document."""

    id: Named[int] = Column(SmallInteger, primary_key=True, autoincrement=False)
    code: Named[str] = Column(Id, unique=True)
    version: Named[int] = Column(BigInt)
    document: Named[str] = Column(Text)
    """`domain.programme.Programme` as JSON text."""


programme = Table("programme", metadata, ProgrammeColumns)


class WalletColumns(TypedColumns):
    """Projection, lock root and register of owners: one row an identity and kind of points."""

    id: Named[int] = Column(BigInt, primary_key=True, autoincrement=False)
    programme_id: Named[int] = Column(SmallInteger)
    kind: Named[int] = Column(SmallInteger)
    identity_id: Named[str] = Column(Id)
    owner_id: Named[str] = Column(Id, index=True)
    ownership_version: Named[int] = Column(BigInt)
    erased_at: Named[datetime | None] = Column(Instant)
    group_size: Named[int] = Column(BigInt)
    """How many wallets of this kind the owner has, the same on all of them."""
    active: Named[int] = Column(BigInt)
    pending: Named[int] = Column(BigInt)
    held: Named[int] = Column(BigInt)
    owed: Named[int] = Column(BigInt)
    next_due_at: Named[datetime | None] = Column(Instant)
    last_booked_at: Named[datetime] = Column(Instant)
    spend: Named[int] = Column(BigInt)
    spend_at: Named[datetime | None] = Column(Instant)
    spend_drop_at: Named[datetime | None] = Column(Instant)


wallet = Table(
    "wallet",
    metadata,
    WalletColumns,
    UniqueConstraint("identity_id", "programme_id", "kind", name="wallet_identity"),
    CheckConstraint("active >= 0 and pending >= 0 and held >= 0 and owed >= 0", name="wallet_not_negative"),
    postgresql_with={"fillfactor": 80},
)
_due = wallet.c.next_due_at.is_not(None)
Index("wallet_due", wallet.c.next_due_at, postgresql_where=_due, sqlite_where=_due)


class OwnershipColumns(TypedColumns):
    """Fact: an identity changed its owner."""

    id: Named[int] = Column(BigInt, primary_key=True, autoincrement=False)
    identity_id: Named[str] = Column(Id)
    owner_id: Named[str] = Column(Id, index=True)
    former_owner_id: Named[str] = Column(Id)
    ownership_version: Named[int] = Column(BigInt)
    occurred_at: Named[datetime] = Column(Instant)
    booked_at: Named[datetime] = Column(Instant)


ownership = Table(
    "ownership",
    metadata,
    OwnershipColumns,
    UniqueConstraint("identity_id", "ownership_version", name="ownership_version"),
)


class PurchaseColumns(TypedColumns):
    """Fact: something was bought."""

    id: Named[int] = Column(BigInt, primary_key=True, autoincrement=False)
    purchase_id: Named[str] = Column(Id, unique=True)
    wallet_id: Named[int] = Column(BigInt)
    identity_id: Named[str] = Column(Id)
    customer_id: Named[str] = Column(Id)
    source: Named[str] = Column(Id)
    order_id: Named[str] = Column(Id)
    occurred_at: Named[datetime] = Column(Instant)
    booked_at: Named[datetime] = Column(Instant)
    currency: Named[str] = Column(Text)
    amount_minor: Named[int] = Column(BigInt)
    lines: Named[Any] = Column(Json)
    """[[quantity, amount_minor, sku, category, brand], …] in line order."""
    outcome: Named[str] = Column(Text)
    """Why it earned what it did: earned, zero, no_rate."""


purchase = Table(
    "purchase",
    metadata,
    PurchaseColumns,
    UniqueConstraint("source", "order_id", name="purchase_order"),
)
Index("purchase_window", purchase.c.wallet_id, purchase.c.occurred_at)


class ReturnColumns(TypedColumns):
    """Fact: units of a purchase went back."""

    id: Named[int] = Column(BigInt, primary_key=True, autoincrement=False)
    return_id: Named[str] = Column(Id, unique=True)
    purchase_id: Named[int] = Column(BigInt, index=True)
    wallet_id: Named[int] = Column(BigInt)
    purchased_at: Named[datetime] = Column(Instant)
    occurred_at: Named[datetime] = Column(Instant)
    booked_at: Named[datetime] = Column(Instant)
    currency: Named[str] = Column(Text)
    amount_minor: Named[int] = Column(BigInt)
    units: Named[Any] = Column(Json)
    """[[line, unit_from, unit_to], …], disjoint within a purchase."""


purchase_return = Table("purchase_return", metadata, ReturnColumns)
Index("purchase_return_window", purchase_return.c.wallet_id, purchase_return.c.purchased_at)


class LotColumns(TypedColumns):
    """A grant: its facts are frozen, its projection moves with the postings."""

    id: Named[int] = Column(BigInt, primary_key=True, autoincrement=False)
    wallet_id: Named[int] = Column(BigInt)
    identity_id: Named[str] = Column(Id)
    purchase_id: Named[int | None] = Column(BigInt)
    origin_lot_id: Named[int | None] = Column(BigInt)
    rule: Named[str] = Column(Text)
    rulebook: Named[int] = Column(BigInt)
    issued: Named[int] = Column(BigInt)
    base: Named[int] = Column(BigInt)
    eligible: Named[Any] = Column(Json)
    """Line numbers that count; null: all."""
    earned_at: Named[datetime] = Column(Instant)
    available_at: Named[datetime | None] = Column(Instant)
    expires_at: Named[datetime | None] = Column(Instant)
    pending: Named[int] = Column(BigInt)
    remaining: Named[int] = Column(BigInt)
    held: Named[int] = Column(BigInt)
    expired: Named[int] = Column(BigInt)
    reversed: Named[int] = Column(BigInt)
    owed: Named[int] = Column(BigInt)
    covered: Named[int] = Column(BigInt)


LOT_FACTS = (
    *("id", "wallet_id", "identity_id", "purchase_id", "origin_lot_id", "rule", "rulebook", "issued", "base"),
    *("eligible", "earned_at", "available_at", "expires_at"),
)
LOT_OPEN = text("pending + remaining + held + owed + covered > 0")

lot = Table(
    "lot",
    metadata,
    LotColumns,
    CheckConstraint(
        "issued >= 0 and pending >= 0 and remaining >= 0 and held >= 0 and expired >= 0"
        " and reversed >= 0 and owed >= 0 and covered >= 0",
        name="lot_not_negative",
    ),
    CheckConstraint("reversed <= issued", name="lot_reversed"),
    CheckConstraint("pending + remaining + held + expired <= issued", name="lot_issued"),
    CheckConstraint("expires_at > available_at", name="lot_expires"),
)
Index(
    "lot_open",
    lot.c.wallet_id,
    lot.c.expires_at,
    lot.c.earned_at,
    lot.c.id,
    postgresql_where=LOT_OPEN,
    sqlite_where=LOT_OPEN,
)
Index("lot_purchase", lot.c.purchase_id)


class PostingColumns(TypedColumns):
    """THE ledger: points moved from one account to another because of a fact."""

    id: Named[int] = Column(BigInt, primary_key=True, autoincrement=False)
    cause_kind: Named[int] = Column(SmallInteger)
    cause_id: Named[int] = Column(BigInt)
    ordinal: Named[int] = Column(BigInt)
    from_account: Named[int] = Column(SmallInteger)
    to_account: Named[int] = Column(SmallInteger)
    wallet_id: Named[int] = Column(BigInt)
    lot_id: Named[int] = Column(BigInt)
    to_wallet_id: Named[int | None] = Column(BigInt)
    to_lot_id: Named[int | None] = Column(BigInt)
    points: Named[int] = Column(BigInt)
    occurred_at: Named[datetime] = Column(Instant)
    booked_at: Named[datetime] = Column(Instant)


posting = Table(
    "posting",
    metadata,
    PostingColumns,
    UniqueConstraint("cause_kind", "cause_id", "ordinal", name="posting_cause"),
    CheckConstraint("points > 0", name="posting_moves"),
    CheckConstraint("from_account <> to_account or lot_id <> to_lot_id", name="posting_two_sides"),
)
_crosses = posting.c.to_lot_id.is_not(None)
Index("posting_wallet", posting.c.wallet_id, posting.c.id)
Index(
    "posting_to_wallet",
    posting.c.to_wallet_id,
    posting.c.id,
    postgresql_where=_crosses,
    sqlite_where=_crosses,
)
Index("posting_payer", posting.c.lot_id, postgresql_where=_crosses, sqlite_where=_crosses)
Index("posting_debtor", posting.c.to_lot_id, postgresql_where=_crosses, sqlite_where=_crosses)


class RedemptionColumns(TypedColumns):
    """Fact: points were spent, for an order or for something outside."""

    id: Named[int] = Column(BigInt, primary_key=True, autoincrement=False)
    key: Named[bytes] = Column(Sealed, unique=True)
    """Natural key: the keyed hash of principal, operation and Idempotency-Key."""
    wallet_id: Named[int] = Column(BigInt, index=True)
    identity_id: Named[str] = Column(Id)
    customer_id: Named[str] = Column(Id)
    source: Named[str | None] = Column(Id)
    order_id: Named[str | None] = Column(Id)
    points: Named[int] = Column(BigInt)
    base: Named[int] = Column(BigInt)
    lines: Named[Any] = Column(Json)
    """[[quantity, amount_minor], …] of the order at its amounts before points; empty: returns do not touch it."""
    reference: Named[bytes | None] = Column(Sealed)
    occurred_at: Named[datetime] = Column(Instant)
    booked_at: Named[datetime] = Column(Instant)


redemption = Table("redemption", metadata, RedemptionColumns)
_for_order = redemption.c.order_id.is_not(None)
Index(
    "redemption_order",
    redemption.c.order_id,
    redemption.c.source,
    postgresql_where=_for_order,
    sqlite_where=_for_order,
)


class AdjustmentColumns(TypedColumns):
    """Fact: somebody corrected a balance by hand, and said why."""

    id: Named[int] = Column(BigInt, primary_key=True, autoincrement=False)
    key: Named[bytes] = Column(Sealed, unique=True)
    wallet_id: Named[int] = Column(BigInt, index=True)
    identity_id: Named[str] = Column(Id)
    customer_id: Named[str] = Column(Id)
    points: Named[int] = Column(BigInt)
    reason: Named[bytes] = Column(Sealed)
    actor: Named[str] = Column(Text)
    occurred_at: Named[datetime] = Column(Instant)
    booked_at: Named[datetime] = Column(Instant)


adjustment = Table(
    "adjustment", metadata, AdjustmentColumns, CheckConstraint("points <> 0", name="adjustment_moves")
)


class RemedyColumns(TypedColumns):
    """Fact: points granted for a complaint were credited, or refused; a repeat is answered from it."""

    id: Named[int] = Column(BigInt, primary_key=True, autoincrement=False)
    remedy_id: Named[str] = Column(Id, unique=True)
    complaint_id: Named[str] = Column(Id)
    wallet_id: Named[int | None] = Column(BigInt, index=True)
    """Null where the member is unknown."""
    identity_id: Named[str] = Column(Id)
    customer_id: Named[str] = Column(Id)
    points: Named[int] = Column(BigInt)
    refusal: Named[str | None] = Column(Text)
    occurred_at: Named[datetime] = Column(Instant)
    booked_at: Named[datetime] = Column(Instant)


remedy = Table("remedy", metadata, RemedyColumns)


class TierStateColumns(TypedColumns):
    """Projection: where a member stands; written when it changes, absent for the lowest tier from the start."""

    programme_id: Named[int] = Column(SmallInteger, primary_key=True, autoincrement=False)
    owner_id: Named[str] = Column(Id, primary_key=True)
    tier: Named[str] = Column(Text)
    since: Named[datetime | None] = Column(Instant)
    due_at: Named[datetime | None] = Column(Instant)
    """Lower bound of the instant at which a drop-out may change it."""


tier_state = Table("tier_state", metadata, TierStateColumns)
_falls = tier_state.c.due_at.is_not(None)
Index("tier_state_due", tier_state.c.due_at, postgresql_where=_falls, sqlite_where=_falls)

APPEND_ONLY = (ownership, purchase, purchase_return, posting, redemption, adjustment, remedy)
for _table in APPEND_ONLY:
    triggers.append_only(_table)
triggers.frozen_columns(lot, LOT_FACTS)
