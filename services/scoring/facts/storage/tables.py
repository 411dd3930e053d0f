"""The tables of the facts and of what is recomputed from them, each with its record."""

from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import (
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

from services.scoring.facts.domain.facts import DayRollup, PurchaseLine, ReturnedUnits
from services.scoring.facts.domain.state import OtherCurrency
from shared.db.records import record_of
from shared.db.schema import INDEX_NAMES
from shared.db.types import BigInt, Document, Id, Instant

metadata = MetaData(naming_convention=INDEX_NAMES)


class PurchaseColumns(TypedColumns):
    """A purchase as it was recorded: a fact, under its own id."""

    purchase_id: Named[str] = Column(Id, primary_key=True)
    identity_id: Named[str] = Column(Id)
    occurred_at: Named[datetime] = Column(Instant)
    day: Named[date] = Column(Date)
    """The local day of `occurred_at` in the shop's zone."""
    currency: Named[str] = Column(Id)
    amount_minor: Named[int] = Column(BigInt)
    units: Named[int] = Column(BigInt)
    lines: Named[tuple[PurchaseLine, ...]] = Column(Document(tuple[PurchaseLine, ...]))
    booked_at: Named[datetime] = Column(Instant)


purchase = Table("purchase", metadata, PurchaseColumns)
Index("purchase_identity_day", purchase.c.identity_id, purchase.c.day)


@record_of(purchase)
@dataclass(frozen=True, slots=True)
class PurchaseRecord:
    """A purchase, as its event told it."""

    purchase_id: str
    identity_id: str
    occurred_at: datetime
    day: date
    currency: str
    amount_minor: int
    units: int
    lines: tuple[PurchaseLine, ...]
    booked_at: datetime


class ReturnColumns(TypedColumns):
    """A return as it was recorded. Its purchase may come later: the join that finds the purchase is the parking."""

    return_id: Named[str] = Column(Id, primary_key=True)
    purchase_id: Named[str] = Column(Id, index=True)
    identity_id: Named[str] = Column(Id, index=True)
    occurred_at: Named[datetime] = Column(Instant)
    day: Named[date] = Column(Date)
    amount_minor: Named[int] = Column(BigInt)
    units: Named[int] = Column(BigInt)
    lines: Named[tuple[ReturnedUnits, ...]] = Column(Document(tuple[ReturnedUnits, ...]))
    booked_at: Named[datetime] = Column(Instant)


purchase_return = Table("purchase_return", metadata, ReturnColumns)


@record_of(purchase_return)
@dataclass(frozen=True, slots=True)
class ReturnRecord:
    """A return, as its event told it."""

    return_id: str
    purchase_id: str
    identity_id: str
    occurred_at: datetime
    day: date
    amount_minor: int
    units: int
    lines: tuple[ReturnedUnits, ...]
    booked_at: datetime


class RollupColumns(TypedColumns):
    """An identity's counting purchases of one day: always recomputed from the facts of that day, never added to."""

    identity_id: Named[str] = Column(Id, primary_key=True)
    day: Named[date] = Column(Date, primary_key=True)
    currency: Named[str] = Column(Id, primary_key=True)
    purchases: Named[int] = Column(BigInt)
    units: Named[int] = Column(BigInt)
    gross_minor: Named[int] = Column(BigInt)
    refund_minor: Named[int] = Column(BigInt)


day_rollup = Table("day_rollup", metadata, RollupColumns)
record_of(day_rollup)(DayRollup)


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
    other_currencies: Named[tuple[OtherCurrency, ...]] = Column(Document(tuple[OtherCurrency, ...]))


customer_state = Table("customer_state", metadata, StateColumns)


@record_of(customer_state)
@dataclass(frozen=True, slots=True)
class CustomerStateRecord:
    """The state of one customer, folded from the days of all its identities."""

    customer_id: str
    purchases: int
    days: int
    first_day: date | None
    last_day: date | None
    gap_sq: int
    gap_log: float
    currency: str | None
    currency_days: int
    gross_minor: int
    refund_minor: int
    first_day_net: int
    last_day_net: int
    net_sq: float
    other_currencies: tuple[OtherCurrency, ...]


class ShopColumns(TypedColumns):
    """The settings that the rows of this database were computed with; one row."""

    shop_id: Named[int] = Column(Integer, primary_key=True, autoincrement=False)
    zone: Named[str] = Column(Text)


shop = Table("shop", metadata, ShopColumns, CheckConstraint("shop_id = 1", name="shop_one"))


@record_of(shop)
@dataclass(frozen=True, slots=True)
class ShopRecord:
    """The zone in which the days of this shop are counted."""

    shop_id: int
    zone: str
