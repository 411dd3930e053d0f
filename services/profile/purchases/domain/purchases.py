"""Purchases: what was bought, what makes two reports the same purchase, and where two reports differ."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import NamedTuple, Protocol

from services.profile.people.domain.customers import NamedCustomer
from services.profile.people.refusals import refused_at
from services.profile.purchases.refusals import InTheFuture, OrderTooLarge, TooLongAgo
from shared.frozen import quickly_made
from shared.limits import (
    CLOCKS_DIFFER_MAX,
    CUSTOMER_AMOUNT_MAX,
    INSTANT_MIN,
    LARGE_ORDER_AMOUNT,
    ORDER_AMOUNT_MAX,
)


class OrderKey(NamedTuple):
    """The natural key of a purchase: an order id is unique in its source, within the issuer that reports it."""

    issuer: str
    source: str
    order_id: str


@quickly_made
@dataclass(frozen=True, slots=True)
class Line:
    """One line of a receipt; the amount is of the whole line, after discounts."""

    sku: str
    quantity: int
    amount_minor: int
    category: str | None = None
    brand: str | None = None
    name: str | None = None


@quickly_made
@dataclass(frozen=True, slots=True)
class Purchase:
    """A purchase as somebody reports it: what was bought where and when, and how its customer is named."""

    source: str
    order_id: str
    purchased_at: datetime
    currency: str
    customer: NamedCustomer | None
    """None: nobody knows who bought it. It can be claimed later."""
    lines: tuple[Line, ...]
    channel: str | None = None
    store: str | None = None

    def key(self, issuer: str) -> OrderKey:
        """Return the natural key within the issuer that reports the purchase."""
        return OrderKey(issuer, self.source, self.order_id)

    @property
    def amount_minor(self) -> int:
        """The sum of the lines."""
        return sum(line.amount_minor for line in self.lines)


class PurchaseHead(Protocol):
    """The fields of a purchase that are compared, besides its lines."""

    @property
    def purchased_at(self) -> datetime:
        """Return the instant of the purchase."""
        ...

    @property
    def currency(self) -> str:
        """Return the ISO 4217 code of its currency."""
        ...

    @property
    def channel(self) -> str | None:
        """Return the sales channel."""
        ...

    @property
    def store(self) -> str | None:
        """Return the store."""
        ...


@dataclass(frozen=True, slots=True)
class PurchaseSelection:
    """The purchases that a list shows; None does not restrict."""

    identity_ids: Sequence[str] | None
    """The identities of one customer."""
    anonymous: bool | None
    """Only purchases without a customer, or only those with one."""
    issuer: str | None
    source: str | None
    order_id: str | None
    purchased_from: datetime | None
    purchased_until: datetime | None
    recorded_since: datetime | None = None


def must_be_believable(at: datetime, now: datetime, pointer: str, since: datetime = INSTANT_MIN) -> None:
    """Refuse an instant before the first day of the shop, or further ahead than clocks differ.

    Raises TooLongAgo or InTheFuture.
    """
    if at < since:
        raise refused_at(TooLongAgo, pointer, since=since.isoformat().replace("+00:00", "Z"))
    if at > now + CLOCKS_DIFFER_MAX:
        raise refused_at(InTheFuture, pointer)


def must_be_countable(amount_minor: int) -> None:
    """Refuse an order whose lines add up to more than ORDER_AMOUNT_MAX. Raises OrderTooLarge."""
    if amount_minor > ORDER_AMOUNT_MAX:
        raise refused_at(OrderTooLarge, "/lines")


def is_large(amount_minor: int) -> bool:
    """Return whether an order is added to those that its customer has before it is taken."""
    return amount_minor >= LARGE_ORDER_AMOUNT


def too_much(totals: Mapping[str, int], identity_id: str, amount_minor: int) -> bool:
    """Return whether a large order would raise an identity's total beyond CUSTOMER_AMOUNT_MAX."""
    return is_large(amount_minor) and totals.get(identity_id, 0) + amount_minor > CUSTOMER_AMOUNT_MAX


def content(purchase: Purchase) -> bytes:
    """Return everything but the customer that makes a purchase the same, as canonical bytes for a keyed digest."""
    return _CANONICAL.encode(
        [
            purchase.purchased_at.astimezone(UTC).isoformat(),
            purchase.currency,
            purchase.channel,
            purchase.store,
            [
                [line.sku, line.quantity, line.amount_minor, line.category, line.brand, line.name]
                for line in purchase.lines
            ],
        ]
    ).encode()


def differences(
    purchase: PurchaseHead, lines: Sequence[Line], recorded: PurchaseHead, recorded_lines: Sequence[Line]
) -> list[str]:
    """Return JSON pointers of the fields in which a purchase differs from the one recorded under its order."""
    pointers = [
        f"/{field}"
        for field in ("purchased_at", "currency", "channel", "store")
        if getattr(purchase, field) != getattr(recorded, field)
    ]
    if len(lines) != len(recorded_lines):
        return [*pointers, "/lines"]
    for position, (line, recorded_line) in enumerate(zip(lines, recorded_lines, strict=True)):
        pointers += [
            f"/lines/{position}/{field}"
            for field in Line.__slots__
            if getattr(line, field) != getattr(recorded_line, field)
        ]
    return pointers


_CANONICAL = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))
