"""A purchase as it was told, what of it makes it the same purchase, and where two tellings differ."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from shared.errors import DomainError, FieldError, Kind

CLOCKS_DIFFER_MAX = timedelta(hours=24)
"""How far in the future a fact may lie: clocks differ, shops do not sell tomorrow."""

EARLIEST = datetime(1900, 1, 1, tzinfo=UTC)

_DIFFERS_EN = "Differs from what was recorded."
_DIFFERS_ZH = "与已记录的内容不同。"


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


class InTheFuture(DomainError):
    """A fact dated further in the future than clocks differ."""

    kind, code = Kind.INVALID, "in_the_future"
    title = ("In the future", "时间在未来")
    en = "The time lies more than 24 hours in the future: check the clock and the zone."
    zh = "该时间比当前时间晚超过 24 小时：请检查时钟和时区。"


class OrderConflict(DomainError):
    """The same order was told before, with other content."""

    kind, code = Kind.CONFLICT, "order_conflict"
    title = ("Order known with other content", "订单已存在且内容不同")
    en = "This order was recorded before with other content. These fields differ: {fields}."
    zh = "该订单此前已记录，但内容不同。不一致的字段：{fields}。"


class TooLongAgo(DomainError):
    """A fact dated before anything that this system can hold."""

    kind, code = Kind.INVALID, "too_long_ago"
    title = ("Too long ago", "时间过早")
    en = "The time lies before 1900: check its year."
    zh = "该时间早于 1900 年：请检查年份。"


def must_be_believable(at: datetime, now: datetime, pointer: str) -> None:
    """Refuse an instant before 1900, or further ahead than clocks differ. Raises TooLongAgo or InTheFuture."""
    if at < EARLIEST:
        raise refused_at(TooLongAgo, pointer)
    if at > now + CLOCKS_DIFFER_MAX:
        raise refused_at(InTheFuture, pointer)


def refused_at(refusal: type[DomainError], pointer: str) -> DomainError:
    """A refusal that is about one field, and says so in that field's error too."""
    return refusal(errors=(FieldError(pointer, refusal.code, refusal.en, refusal.zh),))


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


def conflicting(refusal: type[DomainError], pointers: Sequence[str]) -> DomainError:
    """The refusal of something told again with other content: the fields by word, the places by pointer."""
    words = list(dict.fromkeys(pointer.split("/")[1] for pointer in pointers))
    errors = [FieldError(pointer, "differs", _DIFFERS_EN, _DIFFERS_ZH) for pointer in pointers]
    return refusal(errors=errors, extra={"fields": words}, fields=", ".join(words))
