"""Scoring's tables: facts are the truth, everything else is recomputed from them."""

from datetime import date, datetime
from typing import Any

from sqlalchemy import (
    Boolean,
    CheckConstraint,
    Column,
    Date,
    Float,
    Index,
    Integer,
    MetaData,
    Named,
    Table,
    Text,
    TypedColumns,
)

from shared.db import triggers
from shared.db.schema import INDEX_NAMES
from shared.db.types import BigInt, Id, Instant, Json

metadata = MetaData(naming_convention=INDEX_NAMES)


class PurchaseColumns(TypedColumns):
    """A purchase as recorded: a fact, under its own id."""

    purchase_id: Named[str] = Column(Id, primary_key=True)
    identity_id: Named[str] = Column(Id)
    occurred_at: Named[datetime] = Column(Instant)
    day: Named[date] = Column(Date)
    """The local day of `occurred_at` in the shop's zone."""
    currency: Named[str] = Column(Id)
    amount_minor: Named[int] = Column(BigInt)
    units: Named[int] = Column(BigInt)
    lines: Named[Any] = Column(Json)
    """[line, sku, category, quantity, amount_minor] a line."""
    booked_at: Named[datetime] = Column(Instant)


purchase = Table("purchase", metadata, PurchaseColumns)
Index("purchase_identity_day", purchase.c.identity_id, purchase.c.day)


class ReturnColumns(TypedColumns):
    """A return as recorded. Its purchase may come later: the join that finds it is the parking."""

    return_id: Named[str] = Column(Id, primary_key=True)
    purchase_id: Named[str] = Column(Id, index=True)
    identity_id: Named[str] = Column(Id, index=True)
    occurred_at: Named[datetime] = Column(Instant)
    day: Named[date] = Column(Date)
    amount_minor: Named[int] = Column(BigInt)
    units: Named[int] = Column(BigInt)
    lines: Named[Any] = Column(Json)
    """[line, unit_from, unit_to, amount_minor] a range."""
    booked_at: Named[datetime] = Column(Instant)


purchase_return = Table("purchase_return", metadata, ReturnColumns)


class RollupColumns(TypedColumns):
    """An identity's counting purchases of one day: recomputed from the facts of that day, never added to."""

    identity_id: Named[str] = Column(Id, primary_key=True)
    day: Named[date] = Column(Date, primary_key=True)
    currency: Named[str] = Column(Id, primary_key=True)
    purchases: Named[int] = Column(BigInt)
    units: Named[int] = Column(BigInt)
    gross_minor: Named[int] = Column(BigInt)
    refund_minor: Named[int] = Column(BigInt)


day_rollup = Table("day_rollup", metadata, RollupColumns)


class StateColumns(TypedColumns):
    """The fold of the roll-ups of all identities of a customer; see `domain.state.State`."""

    customer_id: Named[str] = Column(Id, primary_key=True)
    purchases: Named[int] = Column(BigInt)
    days: Named[int] = Column(BigInt)
    first_day: Named[date | None] = Column(Date)
    last_day: Named[date | None] = Column(Date)
    gap_sq: Named[int] = Column(BigInt)
    gap_log: Named[float] = Column(Float(53))
    currency: Named[str | None] = Column(Id)
    currency_days: Named[int] = Column(BigInt)
    gross_minor: Named[int] = Column(BigInt)
    refund_minor: Named[int] = Column(BigInt)
    first_day_net: Named[int] = Column(BigInt)
    last_day_net: Named[int] = Column(BigInt)
    net_sq: Named[float] = Column(Float(53))
    other_currencies: Named[Any] = Column(Json)
    """[currency, days, net_minor] each."""


customer_state = Table("customer_state", metadata, StateColumns)


class ScoreColumns(TypedColumns):
    """What was last said of a customer; the index on `valid_until` is the queue of timers."""

    customer_id: Named[str] = Column(Id, primary_key=True)
    kind: Named[str] = Column(Id, primary_key=True)
    label: Named[str | None] = Column(Text)
    label_sequence: Named[int] = Column(BigInt)
    model_version: Named[int] = Column(BigInt)
    as_of: Named[datetime] = Column(Instant)
    valid_until: Named[datetime | None] = Column(Instant, index=True)
    moved_by: Named[str] = Column(Text)


score = Table("score", metadata, ScoreColumns)


class ModelColumns(TypedColumns):
    """A version of a model: written once, kept for ever, so that every score can be computed again."""

    kind: Named[str] = Column(Id, primary_key=True)
    currency: Named[str] = Column(Id, primary_key=True)
    """Empty for models that hold for every currency."""
    version: Named[int] = Column(BigInt, primary_key=True)
    until: Named[date] = Column(Date)
    zone: Named[str] = Column(Text)
    params: Named[Any] = Column(Json)
    log_likelihood: Named[float | None] = Column(Float(53))
    n: Named[int] = Column(BigInt)
    unique_rows: Named[int] = Column(BigInt)
    preparation: Named[str] = Column(Text)
    gates: Named[Any] = Column(Json)
    status: Named[str] = Column(Text)
    published_at: Named[datetime | None] = Column(Instant)


model = Table(
    "model",
    metadata,
    ModelColumns,
    CheckConstraint("status in ('published', 'proposed', 'rejected')", name="model_status"),
    CheckConstraint("version > 0", name="model_version"),
)
triggers.append_only(model)


class FitColumns(TypedColumns):
    """A fit that was asked for, and how far it is."""

    fit_id: Named[str] = Column(Id, primary_key=True)
    kind: Named[str] = Column(Text)
    currency: Named[str] = Column(Text)
    until: Named[date] = Column(Date)
    publish: Named[bool] = Column(Boolean)
    round_days: Named[bool] = Column(Boolean)
    status: Named[str] = Column(Text)
    attempts: Named[int] = Column(Integer)
    requested_by: Named[str] = Column(Text)
    requested_at: Named[datetime] = Column(Instant)
    started_at: Named[datetime | None] = Column(Instant)
    finished_at: Named[datetime | None] = Column(Instant)
    version: Named[int | None] = Column(BigInt)
    """The version it made; null until then, and when it failed."""
    failure: Named[str | None] = Column(Text)
    """Code of why it failed."""


fit = Table(
    "fit",
    metadata,
    FitColumns,
    CheckConstraint("status in ('queued', 'running', 'done', 'failed')", name="fit_status"),
)
Index("fit_waiting", fit.c.status, fit.c.fit_id)


class SweepColumns(TypedColumns):
    """How far the labels have been looked at again since a version was published."""

    kind: Named[str] = Column(Id, primary_key=True)
    version: Named[int] = Column(BigInt)
    after_customer_id: Named[str] = Column(Id)
    finished_at: Named[datetime | None] = Column(Instant)


sweep = Table("sweep", metadata, SweepColumns)


class ShopColumns(TypedColumns):
    """What the rows of this database were computed with; one row."""

    shop_id: Named[int] = Column(Integer, primary_key=True, autoincrement=False)
    zone: Named[str] = Column(Text)


shop = Table("shop", metadata, ShopColumns, CheckConstraint("shop_id = 1", name="shop_one"))
