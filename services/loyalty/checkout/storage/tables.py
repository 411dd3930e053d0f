"""The tables of checkout: the carts that points are held for, and the orders that they were spent on. Both are only added to."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Column, MetaData, Named, Table, TypedColumns

from services.loyalty.checkout.domain.paying import KeptLine
from services.loyalty.purchases.domain.facts import Line
from shared.db import record_of, triggers
from shared.db.schema import INDEX_NAMES
from shared.db.types import BigInt, Document, Id, Sealed

metadata = MetaData(naming_convention=INDEX_NAMES)


class HeldCartColumns(TypedColumns):
    """The table of the carts of holds, one row per hold: what was promised for its points."""

    hold_id: Named[int] = Column(BigInt, primary_key=True, autoincrement=False)
    key: Named[bytes] = Column(Sealed, unique=True)
    """The natural key: the keyed hash of principal, operation and Idempotency-Key."""
    replaces_id: Named[int | None] = Column(BigInt)
    """The hold that this one took the place of."""
    currency: Named[str] = Column(Id)
    amount_minor: Named[int] = Column(BigInt)
    """The sum of the lines."""
    worth_minor: Named[int | None] = Column(BigInt)
    """The money that the points pay; null: the programme does not say what points are worth."""
    lines: Named[tuple[Line, ...]] = Column(Document(tuple[Line, ...]))
    quote_hash: Named[str] = Column(Id)
    rulebook: Named[int | None] = Column(BigInt)
    """The version of the rules of its quote; null: before the first fact there is none."""


held_cart = Table("held_cart", metadata, HeldCartColumns)


@record_of(held_cart)
@dataclass(frozen=True, slots=True)
class HeldCartRecord:
    """The cart that points are held for."""

    hold_id: int
    key: bytes
    replaces_id: int | None
    currency: str
    amount_minor: int
    worth_minor: int | None
    lines: tuple[Line, ...]
    quote_hash: str
    rulebook: int | None


class CheckoutColumns(TypedColumns):
    """The table of committed holds: the redemption that came of each, and the units that the order kept."""

    redemption_id: Named[int] = Column(BigInt, primary_key=True, autoincrement=False)
    hold_id: Named[int] = Column(BigInt, unique=True)
    order_token: Named[bytes] = Column(Sealed, unique=True)
    """The keyed hash of the order's issuer, source and id: an order is paid by one hold."""
    points: Named[int] = Column(BigInt)
    worth_minor: Named[int | None] = Column(BigInt)
    kept: Named[tuple[KeptLine, ...]] = Column(Document(tuple[KeptLine, ...]))


checkout = Table("checkout", metadata, CheckoutColumns)


@record_of(checkout)
@dataclass(frozen=True, slots=True)
class CheckoutRecord:
    """A committed hold."""

    redemption_id: int
    hold_id: int
    order_token: bytes
    points: int
    worth_minor: int | None
    kept: tuple[KeptLine, ...]


APPEND_ONLY = (held_cart, checkout)
for _table in APPEND_ONLY:
    triggers.append_only(_table)
