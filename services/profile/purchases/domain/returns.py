"""Which units of a purchase go back, and what they cost: last first, to the minor unit."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from services.profile.purchases.refusals import ReturnNotPossible
from shared.catalogues import field_sentence
from shared.errors import FieldError


@dataclass(frozen=True, slots=True)
class ReturnedLine:
    """How many units of a line (counted from 1) go back."""

    line: int
    quantity: int


@dataclass(frozen=True, slots=True)
class Return:
    """A return as it was told; which units it means is decided beside its purchase."""

    source: str
    return_id: str
    order_id: str
    returned_at: datetime
    lines: tuple[ReturnedLine, ...]


@dataclass(frozen=True, slots=True)
class Left:
    """What a return needs to know of a purchase's line."""

    quantity: int
    amount_minor: int
    returned_quantity: int


@dataclass(frozen=True, slots=True)
class Allotted:
    """The units `unit_from` to `unit_to` (from 1, inclusive) of a line, and their amount."""

    line: int
    quantity: int
    unit_from: int
    unit_to: int
    amount_minor: int


def allot(lines: Sequence[ReturnedLine], purchase: dict[int, Left]) -> list[Allotted]:
    """The units that go back, by line; `purchase` has its lines by number and is not changed.

    Raises ReturnNotPossible when a line is missing, named twice, or has fewer units left.
    """
    errors: list[FieldError] = []
    allotted: list[Allotted] = []
    seen: set[int] = set()
    for position, wanted in enumerate(lines):
        left = purchase.get(wanted.line)
        if left is None:
            errors.append(_line_unknown(position))
        elif wanted.line in seen:
            errors.append(_line_repeated(position))
        elif wanted.quantity > left.quantity - left.returned_quantity:
            errors.append(_too_many(position, left.quantity - left.returned_quantity))
        else:
            allotted.append(_last_first(wanted, left))
        seen.add(wanted.line)
    if errors:
        raise ReturnNotPossible(errors=errors)
    return sorted(allotted, key=lambda one: one.line)


def amount_of_units(amount_minor: int, quantity: int, unit_from: int, unit_to: int) -> int:
    """The amount of units `unit_from` … `unit_to` of a line of `quantity` units (specs/loyalty L5).

    The first u units of amount A have ⌊A·u/q⌋, so all units together have exactly A.
    """
    return amount_minor * unit_to // quantity - amount_minor * (unit_from - 1) // quantity


def differences(told: Return, stored: Return) -> list[str]:
    """JSON pointers of the fields in which a return differs from the one stored under its id."""
    pointers = [
        f"/{field}" for field in ("order_id", "returned_at") if getattr(told, field) != getattr(stored, field)
    ]
    return pointers if _by_line(told) == _by_line(stored) else [*pointers, "/lines"]


def content(told: Return) -> bytes:
    """Everything that makes a return the same, as canonical bytes: for a keyed digest."""
    return json.dumps([told.order_id, told.returned_at.astimezone(UTC).isoformat(), _by_line(told)]).encode()


def _by_line(told: Return) -> list[tuple[int, int]]:
    return sorted((line.line, line.quantity) for line in told.lines)


def _last_first(wanted: ReturnedLine, left: Left) -> Allotted:
    unit_to = left.quantity - left.returned_quantity
    unit_from = unit_to - wanted.quantity + 1
    amount = amount_of_units(left.amount_minor, left.quantity, unit_from, unit_to)
    return Allotted(wanted.line, wanted.quantity, unit_from, unit_to, amount)


def _line_unknown(position: int) -> FieldError:
    return FieldError.of(f"/lines/{position}/line", _LINE_UNKNOWN)


def _line_repeated(position: int) -> FieldError:
    return FieldError.of(f"/lines/{position}/line", _LINE_REPEATED)


def _too_many(position: int, left: int) -> FieldError:
    return FieldError.of(f"/lines/{position}/quantity", _TOO_MANY_UNITS, left=left)


_LINE_UNKNOWN = field_sentence(__name__, "line_unknown")
_LINE_REPEATED = field_sentence(__name__, "line_repeated")
_TOO_MANY_UNITS = field_sentence(__name__, "too_many_units")
