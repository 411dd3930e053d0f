"""The tables of checkout: the carts that points are held for, and the orders that they were spent on. Both are only added to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from sqlalchemy import Column, MetaData, Named, Table, TypedColumns

from services.loyalty.checkout.domain.paying import KeptLine
from services.loyalty.promotions.domain.discounts import Discount, net_amounts, parts_of
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
    """The sum of the lines before discounts."""
    worth_minor: Named[int | None] = Column(BigInt)
    """The money that the points pay; null: the programme does not say what points are worth."""
    lines: Named[tuple[Line, ...]] = Column(Document(tuple[Line, ...]))
    quote_hash: Named[str] = Column(Id)
    rulebook: Named[int | None] = Column(BigInt)
    """The version of the rules of its quote; null: before the first fact there is none."""
    shipping_minor: Named[int | None] = Column(BigInt)
    """The price of shipping before discounts; null: nothing."""
    discounts: Named[tuple[Discount, ...] | None] = Column(Document(tuple[Discount, ...]))
    """The discounts of the lines and the shipping, in the order in which they were served; null: none."""


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
    shipping_minor: int | None
    discounts: tuple[Discount, ...] | None

    @property
    def net_lines(self) -> tuple[Line, ...]:
        """Return the lines at what they cost after discounts, before points."""
        amounts = net_amounts(self.lines, self.discounts or ())
        lines = zip(self.lines, amounts, strict=True)
        return tuple(replace(line, amount_minor=amount) for line, amount in lines)

    def kept(self, kept: Sequence[KeptLine]) -> tuple[list[Line], list[Discount]]:
        """Return the lines and discounts of an order that keeps the first units of held lines. Lines are at their prices before discounts."""
        units = [(line.line - 1, line.quantity) for line in kept]
        lines = [
            replace(
                held := self.lines[line],
                quantity=count,
                amount_minor=held.amount_minor * count // held.quantity,
            )
            for line, count in units
        ]
        return lines, parts_of(self.lines, self.discounts or (), units)


class CheckoutColumns(TypedColumns):
    """The table of committed holds: the redemption that came of each, and the units that the order kept.

    A hold that is committed without points has no redemption: nothing else has its `redemption_id`.
    """

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
