"""A purchase as it was told, what of it makes it the same purchase, and where two tellings differ."""

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from services.profile.people.refusals import refused_at
from services.profile.purchases.refusals import InTheFuture, TooLongAgo
from shared.catalogues import field_sentence
from shared.limits import INSTANT_MIN

CLOCKS_DIFFER_MAX = timedelta(hours=24)
"""How far in the future a fact may lie: clocks differ, shops do not sell tomorrow."""

_DIFFERS = field_sentence(__name__, "differs")


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a receipt; the amount is of the whole line, after discounts."""

    sku: str
    quantity: int
    amount_minor: int
    category: str | None = None
    brand: str | None = None
    name: str | None = None


@dataclass(frozen=True, slots=True)
class Purchase:
    """What was bought, where and when; not yet whose it is."""

    source: str
    order_id: str
    purchased_at: datetime
    currency: str
    lines: tuple[Line, ...]
    channel: str | None = None
    store: str | None = None

    @property
    def amount_minor(self) -> int:
        """The sum of the lines."""
        return sum(line.amount_minor for line in self.lines)


def must_be_believable(at: datetime, now: datetime, pointer: str) -> None:
    """Refuse an instant before 1900, or further ahead than clocks differ. Raises TooLongAgo or InTheFuture."""
    if at < INSTANT_MIN:
        raise refused_at(TooLongAgo, pointer)
    if at > now + CLOCKS_DIFFER_MAX:
        raise refused_at(InTheFuture, pointer)


def content(purchase: Purchase) -> bytes:
    """Everything but the customer that makes a purchase the same, as canonical bytes: for a keyed digest."""
    return json.dumps(
        [
            purchase.purchased_at.astimezone(UTC).isoformat(),
            purchase.currency,
            purchase.channel,
            purchase.store,
            [
                [line.sku, line.quantity, line.amount_minor, line.category, line.brand, line.name]
                for line in purchase.lines
            ],
        ],
        ensure_ascii=False,
        separators=(",", ":"),
    ).encode()


def differences(told: Purchase, stored: Purchase) -> list[str]:
    """JSON pointers of the fields in which a purchase differs from the one stored under its order."""
    pointers = [
        f"/{field}"
        for field in ("purchased_at", "currency", "channel", "store")
        if getattr(told, field) != getattr(stored, field)
    ]
    if len(told.lines) != len(stored.lines):
        return [*pointers, "/lines"]
    for position, (mine, theirs) in enumerate(zip(told.lines, stored.lines, strict=True)):
        pointers += [
            f"/lines/{position}/{field}"
            for field in Line.__slots__
            if getattr(mine, field) != getattr(theirs, field)
        ]
    return pointers
