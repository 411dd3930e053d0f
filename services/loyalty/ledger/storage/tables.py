"""The tables of the ledger: facts and postings that are only ever added to, and projections beside them.

Each table has one frozen record beside it. The working objects `Wallet` and `Lot` of the domain are read from the
columns of their tables and stored into them again.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import (
    Boolean,
    CheckConstraint,
    Column,
    Date,
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

from shared.db import blocks, record_of, triggers
from shared.db.schema import INDEX_NAMES
from shared.db.types import BigInt, Document, Id, Instant, Sealed

metadata = MetaData(naming_convention=INDEX_NAMES)

SPENDABLE = 1
"""The kind of wallet whose points can be spent."""

ledger_id = blocks.declare(metadata, "ledger_id")


class WalletColumns(TypedColumns):
    """The table of wallets: one row per identity and kind of points.

    A row is the projection of the wallet's postings, and the lock of everything that belongs to the identity. It is
    also loyalty's register of owners, in place of a table of identities as the other services have: every fact locks
    its wallet anyway, so a second row per identity would only add a lock and a statement to each batch.
    """

    id: Named[int] = Column(BigInt, primary_key=True, autoincrement=False)
    programme_id: Named[int] = Column(SmallInteger)
    kind: Named[int] = Column(SmallInteger)
    identity_id: Named[str] = Column(Id)
    owner_id: Named[str] = Column(Id, index=True)
    ownership_version: Named[int] = Column(BigInt)
    erased_at: Named[datetime | None] = Column(Instant)
    group_size: Named[int] = Column(BigInt)
    """The number of wallets of this kind that the owner has, the same on all of them."""
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


@record_of(wallet)
@dataclass(frozen=True, slots=True)
class WalletRecord:
    """The points of one identity, and its owner."""

    id: int
    programme_id: int
    kind: int
    identity_id: str
    owner_id: str
    ownership_version: int
    erased_at: datetime | None
    group_size: int
    active: int
    pending: int
    held: int
    owed: int
    next_due_at: datetime | None
    last_booked_at: datetime
    spend: int
    spend_at: datetime | None
    spend_drop_at: datetime | None


_due = wallet.c.next_due_at.is_not(None)
Index("wallet_due", wallet.c.next_due_at, postgresql_where=_due, sqlite_where=_due)


class OwnershipColumns(TypedColumns):
    """The table of changes of ownership: facts."""

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


@record_of(ownership)
@dataclass(frozen=True, slots=True)
class OwnershipRecord:
    """A change of the owner of an identity."""

    id: int
    identity_id: str
    owner_id: str
    former_owner_id: str
    ownership_version: int
    occurred_at: datetime
    booked_at: datetime


class LotColumns(TypedColumns):
    """The table of lots: the facts of a grant are frozen, its projection moves with the postings."""

    id: Named[int] = Column(BigInt, primary_key=True, autoincrement=False)
    wallet_id: Named[int] = Column(BigInt)
    identity_id: Named[str] = Column(Id)
    purchase_id: Named[int | None] = Column(BigInt)
    origin_lot_id: Named[int | None] = Column(BigInt)
    rule: Named[str] = Column(Text)
    rulebook: Named[int] = Column(BigInt)
    issued: Named[int] = Column(BigInt)
    base: Named[int] = Column(BigInt)
    eligible: Named[tuple[int, ...] | None] = Column(Document(tuple[int, ...]))
    """The numbers of the lines that count; null: all lines."""
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
    wanted: Named[int | None] = Column(BigInt)
    """The points that the rule wanted, where a cap of the member may have cut them; null: what was issued."""
    cap: Named[str | None] = Column(Id)
    """The outermost cap of the member that the points count for; null: none."""
    cap_from: Named[date | None] = Column(Date)
    """The first day of the period of the cap."""
    budget: Named[str | None] = Column(Id)
    """The budget of all members that the points come from; null: none."""
    budget_from: Named[date | None] = Column(Date)
    """The first day of the period of the budget."""
    activity_id: Named[int | None] = Column(BigInt)
    """The activity that earned it; null: none."""
    slides: Named[bool | None] = Column(Boolean)
    """Whether activities of the member move its expiry; null: no."""
    term_id: Named[int | None] = Column(BigInt)
    """The term that moved its expiry last; null: none did."""


LOT_FACTS = (
    *("id", "wallet_id", "identity_id", "purchase_id", "origin_lot_id", "rule", "rulebook", "issued", "base"),
    *("eligible", "earned_at", "available_at", "wanted", "cap", "cap_from"),
    *("budget", "budget_from", "activity_id", "slides"),
)
LOT_EXPIRES = text("remaining > 0 and expires_at is not null")
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
_of_activity = lot.c.activity_id.is_not(None)
Index("lot_activity", lot.c.activity_id, postgresql_where=_of_activity, sqlite_where=_of_activity)
Index("lot_expires_at", lot.c.expires_at, postgresql_where=LOT_EXPIRES, sqlite_where=LOT_EXPIRES)
_slid = text("slides and expired > 0")
Index("lot_slid", lot.c.wallet_id, lot.c.expires_at, postgresql_where=_slid, sqlite_where=_slid)
_capped = lot.c.cap.is_not(None)
_budgeted = lot.c.budget.is_not(None)
Index("lot_budget", lot.c.budget, lot.c.budget_from, postgresql_where=_budgeted, sqlite_where=_budgeted)
Index("lot_cap", lot.c.wallet_id, lot.c.cap, lot.c.cap_from, postgresql_where=_capped, sqlite_where=_capped)


@record_of(lot)
@dataclass(frozen=True, slots=True)
class LotRecord:
    """Points that were granted together, and what has become of them."""

    id: int
    wallet_id: int
    identity_id: str
    purchase_id: int | None
    origin_lot_id: int | None
    rule: str
    rulebook: int
    issued: int
    base: int
    eligible: tuple[int, ...] | None
    earned_at: datetime
    available_at: datetime | None
    expires_at: datetime | None
    pending: int
    remaining: int
    held: int
    expired: int
    reversed: int
    owed: int
    covered: int
    wanted: int | None
    cap: str | None
    cap_from: date | None
    budget: str | None
    budget_from: date | None
    activity_id: int | None = None
    slides: bool | None = None
    term_id: int | None = None


class PostingColumns(TypedColumns):
    """The table of postings, which is the ledger: points moved from one account to another because of a fact."""

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


@record_of(posting)
@dataclass(frozen=True, slots=True)
class PostingRecord:
    """Points that moved from one account to another because of one cause."""

    id: int
    cause_kind: int
    cause_id: int
    ordinal: int
    from_account: int
    to_account: int
    wallet_id: int
    lot_id: int
    to_wallet_id: int | None
    to_lot_id: int | None
    points: int
    occurred_at: datetime
    booked_at: datetime


class AdjustmentColumns(TypedColumns):
    """The table of adjustments: an operator corrected a balance by hand, and said why."""

    id: Named[int] = Column(BigInt, primary_key=True, autoincrement=False)
    key: Named[bytes] = Column(Sealed, unique=True)
    wallet_id: Named[int] = Column(BigInt)
    identity_id: Named[str] = Column(Id)
    customer_id: Named[str] = Column(Id)
    points: Named[int] = Column(BigInt)
    reason: Named[bytes] = Column(Sealed)
    actor: Named[str] = Column(Text)
    approved_by: Named[str | None] = Column(Text)
    """The second operator, who approved it; null: it was below the limit of the first one."""
    occurred_at: Named[datetime] = Column(Instant)
    booked_at: Named[datetime] = Column(Instant)


adjustment = Table(
    "adjustment",
    metadata,
    AdjustmentColumns,
    CheckConstraint("points <> 0", name="adjustment_moves"),
    Index("adjustment_wallet", "wallet_id", "id"),
    Index("adjustment_of_actor", "actor", "occurred_at"),
)


@record_of(adjustment)
@dataclass(frozen=True, slots=True)
class AdjustmentRecord:
    """A correction of a balance by an operator."""

    id: int
    key: bytes
    wallet_id: int
    identity_id: str
    customer_id: str
    points: int
    reason: bytes
    actor: str
    occurred_at: datetime
    booked_at: datetime
    approved_by: str | None = None


class TierStateColumns(TypedColumns):
    """The table of the members' tiers: a row is written when the tier changes; a member without one has the lowest.

    The capability `tiers` decides what it says. It lies here because a member's balance and tier are read together:
    the page of a member is one statement over `wallet`, `programme` and this table.
    """

    programme_id: Named[int] = Column(SmallInteger, primary_key=True, autoincrement=False)
    owner_id: Named[str] = Column(Id, primary_key=True)
    tier: Named[str] = Column(Text)
    since: Named[datetime | None] = Column(Instant)
    due_at: Named[datetime | None] = Column(Instant)
    """The tier cannot end before this instant; null: it does not end by itself."""


tier_state = Table("tier_state", metadata, TierStateColumns)


@record_of(tier_state)
@dataclass(frozen=True, slots=True)
class TierStateRecord:
    """The tier of a member, and when it may change."""

    programme_id: int
    owner_id: str
    tier: str
    since: datetime | None
    due_at: datetime | None


_falls = tier_state.c.due_at.is_not(None)
Index("tier_state_due", tier_state.c.due_at, postgresql_where=_falls, sqlite_where=_falls)

APPEND_ONLY = (ownership, posting, adjustment)
for _table in APPEND_ONLY:
    triggers.append_only(_table)
triggers.frozen_columns(lot, LOT_FACTS, together={"expires_at": "term_id"})
