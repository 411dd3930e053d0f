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


@dataclass(frozen=True, slots=True)
class MemberFacts:
    """The facts of a member just before a purchase, frozen as far as the rules looked at them."""

    tier: str


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
    channel: str | None = None
    store: str | None = None


@dataclass(frozen=True, slots=True)
class StoredPurchase:
    """A booked purchase with all that its returns and its explanation need of it.

    What it earned can be worked out again from `lines` and `context` by the rules of the version `rulebook`.
    """

    id: int
    purchase_id: str
    wallet_id: int
    issuer: str
    source: str
    order_id: str
    occurred_at: datetime
    currency: str
    lines: tuple[Line, ...]
    channel: str | None
    store: str | None
    rulebook: int
    context: MemberFacts | None


@dataclass(frozen=True, slots=True)
class CountedOrder:
    """An order of a wallet, by its row id: the amount that was not returned, and whether a unit of it is left."""

    order_id: int
    wallet_id: int
    occurred_at: datetime
    amount_minor: int
    is_open: bool


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


def is_closed(lines: Iterable[Line], returned: Iterable[UnitRange]) -> bool:
    """Return whether all units of an order went back. An order without units is never closed."""
    units = sum(line.quantity for line in lines)
    return 0 < units <= sum(span.unit_to - span.unit_from + 1 for span in returned)


def orders_named(orders: Iterable[OrderKey]) -> list[OrderKey]:
    """Return these orders, and each as the shop's: a partner's order counts as the shop's if it came before issuers did."""
    named = list(orders)
    return [
        *named,
        *(OrderKey(SHOP, order.source, order.order_id) for order in named if order.issuer != SHOP),
    ]
