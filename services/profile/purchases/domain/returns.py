"""Returns: which units of a purchase go back, the last first, and what they cost to the minor unit."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import NamedTuple, Protocol

from services.profile.people.refusals import refused_at
from services.profile.purchases.domain.purchases import OrderKey
from services.profile.purchases.refusals import ReturnBeforePurchase, ReturnNotPossible
from shared.catalogues import field_sentence
from shared.errors import FieldError
from shared.limits import CLOCKS_DIFFER_MAX

_LINE_UNKNOWN = field_sentence(__name__, "line_unknown")
_LINE_REPEATED = field_sentence(__name__, "line_repeated")
_TOO_MANY_UNITS = field_sentence(__name__, "too_many_units")


class ReturnKey(NamedTuple):
    """The natural key of a return: its id is unique in its source, within the issuer that reports it."""

    issuer: str
    source: str
    return_id: str


@dataclass(frozen=True, slots=True)
class ReturnedLine:
    """A line (counted from 1), and the number of its units that go back."""

    line: int
    quantity: int


@dataclass(frozen=True, slots=True)
class Return:
    """A return as somebody reports it; its purchase decides which units it takes."""

    source: str
    return_id: str
    order_id: str
    returned_at: datetime
    lines: tuple[ReturnedLine, ...]

    def key(self, issuer: str) -> ReturnKey:
        """Return the natural key within the issuer that reports the return."""
        return ReturnKey(issuer, self.source, self.return_id)

    def order(self, issuer: str) -> OrderKey:
        """Return the natural key of its purchase, which the same issuer reports."""
        return OrderKey(issuer, self.source, self.order_id)


@dataclass(frozen=True, slots=True)
class WaitingReturn:
    """A return that is not applied yet, with the id that it was given and the issuer that reported it."""

    return_id: str
    issuer: str
    reported: Return

    @property
    def key(self) -> ReturnKey:
        """The natural key."""
        return self.reported.key(self.issuer)

    @property
    def order(self) -> OrderKey:
        """The natural key of the purchase that it waits for."""
        return self.reported.order(self.issuer)


@dataclass(frozen=True, slots=True)
class ReturnSelection:
    """The returns that a list shows; None does not restrict."""

    identity_ids: Sequence[str] | None
    """The identities of one customer."""
    issuer: str | None
    purchase_id: str | None
    source: str | None
    order_id: str | None
    recorded_since: datetime | None = None


class PurchasedLine(Protocol):
    """The part of a purchase's line that decides what can go back."""

    @property
    def quantity(self) -> int:
        """Return how many units were bought."""
        ...

    @property
    def amount_minor(self) -> int:
        """Return the amount of all units."""
        ...

    @property
    def returned_quantity(self) -> int:
        """Return how many units have gone back."""
        ...


@dataclass(frozen=True, slots=True)
class ReturnedUnits:
    """The units `unit_from` to `unit_to` (from 1, inclusive) of a line, and their amount."""

    line: int
    quantity: int
    unit_from: int
    unit_to: int
    amount_minor: int


def must_follow(returned_at: datetime, purchased_at: datetime) -> None:
    """Refuse a return that is dated before its purchase, by more than clocks differ. Raises ReturnBeforePurchase."""
    if returned_at < purchased_at - CLOCKS_DIFFER_MAX:
        raise refused_at(ReturnBeforePurchase, "/returned_at")


def must_name_lines_once(lines: Sequence[ReturnedLine]) -> None:
    """Refuse a return that names a line twice, before its purchase is known. Raises ReturnNotPossible."""
    seen: set[int] = set()
    errors: list[FieldError] = []
    for position, returned in enumerate(lines):
        if returned.line in seen:
            errors.append(FieldError.of(f"/lines/{position}/line", _LINE_REPEATED))
        seen.add(returned.line)
    if errors:
        raise ReturnNotPossible(errors=errors)


def allot(lines: Sequence[ReturnedLine], purchased: Mapping[int, PurchasedLine]) -> list[ReturnedUnits]:
    """Return the units that go back, by line; `purchased` has the lines of the purchase by number.

    Raises ReturnNotPossible when a line is missing, is named twice, or has fewer units left.
    """
    errors: list[FieldError] = []
    units: list[ReturnedUnits] = []
    seen: set[int] = set()
    for position, returned in enumerate(lines):
        line = purchased.get(returned.line)
        if line is None:
            errors.append(FieldError.of(f"/lines/{position}/line", _LINE_UNKNOWN))
        elif returned.line in seen:
            errors.append(FieldError.of(f"/lines/{position}/line", _LINE_REPEATED))
        elif returned.quantity > (left := line.quantity - line.returned_quantity):
            errors.append(FieldError.of(f"/lines/{position}/quantity", _TOO_MANY_UNITS, left=left))
        else:
            units.append(_last_units(returned, line))
        seen.add(returned.line)
    if errors:
        raise ReturnNotPossible(errors=errors)
    return sorted(units, key=lambda returned: returned.line)


def amount_of_units(amount_minor: int, quantity: int, unit_from: int, unit_to: int) -> int:
    """Return the amount of units `unit_from` to `unit_to` of a line of `quantity` units.

    The first u units of amount A have ⌊A·u/q⌋, so all units together have exactly A.
    """
    return amount_minor * unit_to // quantity - amount_minor * (unit_from - 1) // quantity


def differences(reported: Return, recorded: Return) -> list[str]:
    """Return JSON pointers of the fields in which a return differs from the one recorded under its id."""
    pointers = [
        f"/{field}"
        for field in ("order_id", "returned_at")
        if getattr(reported, field) != getattr(recorded, field)
    ]
    return pointers if _by_line(reported) == _by_line(recorded) else [*pointers, "/lines"]


def content(reported: Return) -> bytes:
    """Return everything that makes a return the same, as canonical bytes for a keyed digest."""
    returned_at = reported.returned_at.astimezone(UTC).isoformat()
    return json.dumps([reported.order_id, returned_at, _by_line(reported)]).encode()


def _by_line(reported: Return) -> list[tuple[int, int]]:
    return sorted((line.line, line.quantity) for line in reported.lines)


def _last_units(returned: ReturnedLine, line: PurchasedLine) -> ReturnedUnits:
    """Return the last units of a line that have not gone back yet."""
    unit_to = line.quantity - line.returned_quantity
    unit_from = unit_to - returned.quantity + 1
    amount = amount_of_units(line.amount_minor, line.quantity, unit_from, unit_to)
    return ReturnedUnits(returned.line, returned.quantity, unit_from, unit_to, amount)
