"""Purchases and returns as loyalty takes them in: plain facts without a decision in them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from services.loyalty.ledger.domain.entries import SHOP, OrderKey


@dataclass(frozen=True, slots=True)
class Line:
    """One line of an order; `amount_minor` is for the whole line, after discounts."""

    quantity: int
    amount_minor: int
    sku: str = ""
    category: str | None = None
    brand: str | None = None


@dataclass(frozen=True, slots=True, order=True)
class UnitRange:
    """Units `unit_from` to `unit_to` (1-based, inclusive) of line `line` (1-based)."""

    line: int
    unit_from: int
    unit_to: int


@dataclass(frozen=True, slots=True)
class Purchase:
    """A customer bought something; `lines[i]` is line i + 1."""

    purchase_id: str
    identity_id: str
    customer_id: str
    source: str
    order_id: str
    occurred_at: datetime
    currency: str
    amount_minor: int
    lines: tuple[Line, ...]
    issuer: str = SHOP
    """The issuer that recorded it, within which the order id is unique in its source."""


@dataclass(frozen=True, slots=True)
class Return:
    """Units of one purchase went back; profile decided which units."""

    return_id: str
    purchase_id: str
    identity_id: str
    source: str
    order_id: str
    occurred_at: datetime
    units: tuple[UnitRange, ...]
    issuer: str = SHOP
    """The issuer of the purchase."""


def orders_named(orders: Iterable[OrderKey]) -> list[OrderKey]:
    """Return these orders, and each as the shop's: a partner's order counts as the shop's if it came before issuers did."""
    named = list(orders)
    return [
        *named,
        *(OrderKey(SHOP, order.source, order.order_id) for order in named if order.issuer != SHOP),
    ]
