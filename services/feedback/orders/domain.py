"""Orders as far as complaints refer to them."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class OrderLine:
    """One line of an order."""

    line: int
    sku: str
    quantity: int
    amount_minor: int


@dataclass(frozen=True, slots=True)
class ReturnedUnits:
    """A range of units of an order line that was returned; both ends belong to it."""

    line: int
    unit_from: int
    unit_to: int
    amount_minor: int


@dataclass(frozen=True, slots=True)
class OwnedOrder:
    """An order with the customer that owns its identity today."""

    purchase_id: str
    issuer: str | None
    """None if the order was told before issuers were: then it is that of the identity."""
    identity_id: str
    occurred_at: datetime
    currency: str
    amount_minor: int
    lines: tuple[OrderLine, ...]
    owner_id: str
