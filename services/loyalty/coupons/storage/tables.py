"""The tables of coupons: their documents, batches of codes, the codes, and the claims on codes."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Boolean, CheckConstraint, Column, Index, MetaData, Named, Table, Text, TypedColumns

from services.loyalty.coupons.domain.states import CodeClaimState
from shared.db import record_of, triggers
from shared.db.schema import INDEX_NAMES
from shared.db.types import BigInt, Document, Id, Instant, Sealed

metadata = MetaData(naming_convention=INDEX_NAMES)


class CouponColumns(TypedColumns):
    """The table of coupons, one row per coupon: which version is in force."""

    code: Named[str] = Column(Id, primary_key=True)
    version: Named[int] = Column(BigInt)
    kind: Named[str] = Column(Id)
    archived: Named[bool] = Column(Boolean)
    created_at: Named[datetime] = Column(Instant)
    updated_at: Named[datetime] = Column(Instant)


coupon = Table("coupon", metadata, CouponColumns)
Index("coupon_updated", coupon.c.updated_at, coupon.c.code)


@record_of(coupon)
@dataclass(frozen=True, slots=True)
class CouponRecord:
    """A coupon."""

    code: str
    version: int
    kind: str
    archived: bool
    created_at: datetime
    updated_at: datetime


class CouponVersionColumns(TypedColumns):
    """The table of the versions of coupons. It is only added to: a claim names the version that it was promised by."""

    code: Named[str] = Column(Id, primary_key=True)
    version: Named[int] = Column(BigInt, primary_key=True, autoincrement=False)
    document: Named[str] = Column(Text)
    archived: Named[bool] = Column(Boolean)
    changed_by: Named[str] = Column(Id)
    changed_at: Named[datetime] = Column(Instant)


coupon_version = Table("coupon_version", metadata, CouponVersionColumns)
triggers.append_only(coupon_version)


@record_of(coupon_version)
@dataclass(frozen=True, slots=True)
class CouponVersionRecord:
    """One version of a coupon."""

    code: str
    version: int
    document: str
    archived: bool
    changed_by: str
    changed_at: datetime


class CouponBatchColumns(TypedColumns):
    """The table of batches of unique codes. The codes can be made again from the sealed secret, and are stored nowhere else in clear."""

    id: Named[int] = Column(BigInt, primary_key=True, autoincrement=False)
    coupon: Named[str] = Column(Id)
    job_id: Named[str] = Column(Id, unique=True)
    """The job that makes the codes."""
    secret: Named[bytes] = Column(Sealed)
    size: Named[int] = Column(BigInt)
    made: Named[int] = Column(BigInt)
    valid_from: Named[datetime | None] = Column(Instant)
    valid_until: Named[datetime | None] = Column(Instant)
    created_at: Named[datetime] = Column(Instant)


BATCH_FACTS = ("id", "coupon", "job_id", "secret", "size", "valid_from", "valid_until", "created_at")

coupon_batch = Table(
    "coupon_batch",
    metadata,
    CouponBatchColumns,
    CheckConstraint("made >= 0 and made <= size", name="coupon_batch_made"),
)
triggers.frozen_columns(coupon_batch, BATCH_FACTS)
Index("coupon_batch_coupon", coupon_batch.c.coupon, coupon_batch.c.created_at, coupon_batch.c.id)
Index("coupon_batch_created", coupon_batch.c.created_at, coupon_batch.c.id)


@record_of(coupon_batch)
@dataclass(frozen=True, slots=True)
class CouponBatchRecord:
    """A batch of unique codes."""

    id: int
    coupon: str
    job_id: str
    secret: bytes
    size: int
    made: int
    valid_from: datetime | None
    valid_until: datetime | None
    created_at: datetime


class CouponCodeColumns(TypedColumns):
    """The table of codes. A code is known by a keyed hash only."""

    id: Named[int] = Column(BigInt, primary_key=True, autoincrement=False)
    coupon: Named[str] = Column(Id)
    batch_id: Named[int | None] = Column(BigInt)
    """Null: the code of a generic coupon."""
    serial: Named[int] = Column(BigInt)
    """Its number within its batch, from 1."""
    look_up: Named[bytes] = Column(Sealed, unique=True)
    ceiling: Named[int] = Column(BigInt)
    used: Named[int] = Column(BigInt)
    held: Named[int] = Column(BigInt)


CODE_FACTS = ("id", "coupon", "batch_id", "serial", "look_up", "ceiling")

coupon_code = Table(
    "coupon_code",
    metadata,
    CouponCodeColumns,
    CheckConstraint("used >= 0 and held >= 0 and used + held <= ceiling", name="coupon_code_room"),
)
triggers.frozen_columns(coupon_code, CODE_FACTS)


@record_of(coupon_code)
@dataclass(frozen=True, slots=True)
class CouponCodeRecord:
    """A code of a coupon."""

    id: int
    coupon: str
    batch_id: int | None
    serial: int
    look_up: bytes
    ceiling: int
    used: int
    held: int

    @property
    def room(self) -> int:
        """Return how often it can still be used."""
        return self.ceiling - self.used - self.held


class CouponClaimColumns(TypedColumns):
    """The table of claims on codes. A claim belongs to a hold, and takes one use of its code and of each of its quotas."""

    id: Named[int] = Column(BigInt, primary_key=True, autoincrement=False)
    hold_id: Named[int] = Column(BigInt)
    code_id: Named[int] = Column(BigInt)
    coupon: Named[str] = Column(Id)
    version: Named[int] = Column(BigInt)
    wallet_id: Named[int] = Column(BigInt)
    quotas: Named[tuple[str, ...]] = Column(Document(tuple[str, ...]))
    promotions: Named[tuple[str, ...]] = Column(Document(tuple[str, ...]))
    """The promotions that it unlocked for the cart."""
    claimed_at: Named[datetime] = Column(Instant)
    state: Named[str] = Column(Text)
    expires_at: Named[datetime] = Column(Instant)
    order_token: Named[bytes | None] = Column(Sealed)
    """The keyed hash of the order that it was used for."""
    committed_at: Named[datetime | None] = Column(Instant)
    ended_at: Named[datetime | None] = Column(Instant)
    """The instant at which it was released or given back."""


CLAIM_FACTS = (
    "id",
    "hold_id",
    "code_id",
    "coupon",
    "version",
    "wallet_id",
    "quotas",
    "promotions",
    "claimed_at",
)
CLAIM_CHANGES = ("order_token", "committed_at", "ended_at")

coupon_claim = Table(
    "coupon_claim",
    metadata,
    CouponClaimColumns,
    CheckConstraint(
        "(state = 'held' and committed_at is null and ended_at is null) or (state = 'released' and committed_at is null and ended_at is not null) "
        "or (state = 'committed' and committed_at is not null and ended_at is null) "
        "or (state = 'given_back' and committed_at is not null and ended_at is not null)",
        name="coupon_claim_state",
    ),
)
triggers.frozen_columns(coupon_claim, CLAIM_FACTS, once=CLAIM_CHANGES)
_held = coupon_claim.c.state == "held"
_of_order = coupon_claim.c.order_token.is_not(None)
Index("coupon_claim_hold", coupon_claim.c.hold_id)
Index("coupon_claim_wallet", coupon_claim.c.wallet_id, coupon_claim.c.coupon)
Index("coupon_claim_code", coupon_claim.c.code_id, postgresql_where=_held, sqlite_where=_held)
Index(
    "coupon_claim_due",
    coupon_claim.c.coupon,
    coupon_claim.c.expires_at,
    postgresql_where=_held,
    sqlite_where=_held,
)
Index("coupon_claim_order", coupon_claim.c.order_token, postgresql_where=_of_order, sqlite_where=_of_order)


@record_of(coupon_claim)
@dataclass(frozen=True, slots=True)
class CouponClaimRecord:
    """A claim on a code."""

    id: int
    hold_id: int
    code_id: int
    coupon: str
    version: int
    wallet_id: int
    quotas: tuple[str, ...]
    promotions: tuple[str, ...]
    claimed_at: datetime
    state: str
    expires_at: datetime
    order_token: bytes | None = None
    committed_at: datetime | None = None
    ended_at: datetime | None = None

    @property
    def uses(self) -> tuple[int, int]:
        """Return the uses that it has of its code and its quotas: used and held."""
        return int(self.state == CodeClaimState.COMMITTED), int(self.state == CodeClaimState.HELD)
