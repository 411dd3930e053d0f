"""What happened, as the ledger takes it in: plain facts without a decision in them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple


class Line(NamedTuple):
    """One line of an order; `amount_minor` is for the whole line, after discounts."""

    quantity: int
    amount_minor: int
    sku: str = ""
    category: str | None = None
    brand: str | None = None


class UnitRange(NamedTuple):
    """Units `unit_from` to `unit_to` (1-based, inclusive) of line `line` (1-based)."""

    line: int
    unit_from: int
    unit_to: int


@dataclass(frozen=True, slots=True)
class Purchase:
    """Something was bought; `lines[i]` is line i + 1."""

    purchase_id: str
    identity_id: str
    customer_id: str
    source: str
    order_id: str
    occurred_at: datetime
    currency: str
    amount_minor: int
    lines: tuple[Line, ...]


@dataclass(frozen=True, slots=True)
class Return:
    """Units of one purchase went back; profile decided which."""

    return_id: str
    purchase_id: str
    identity_id: str
    source: str
    order_id: str
    occurred_at: datetime
    units: tuple[UnitRange, ...]


@dataclass(frozen=True, slots=True)
class RemedyGrant:
    """An operator promised points for a complaint."""

    remedy_id: str
    complaint_id: str
    identity_id: str
    customer_id: str
    points: int
    occurred_at: datetime


@dataclass(frozen=True, slots=True)
class OwnerMove:
    """An identity belongs to another customer from now on; the greatest `ownership_version` wins."""

    identity_id: str
    owner_id: str
    ownership_version: int
    occurred_at: datetime
