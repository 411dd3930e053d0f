"""Paying: what points are worth for a cart. Points are a tender, like a gift card: they change no price and earn nothing less."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from services.loyalty.ledger.domain.programme import PointsWorth
from services.loyalty.purchases.domain import attribution
from services.loyalty.purchases.domain.facts import Line, UnitRange


class Tender(NamedTuple):
    """Points, and what they pay in minor units. None: the programme does not say what points are worth."""

    points: int
    worth_minor: int | None


NOTHING = Tender(0, 0)


@dataclass(frozen=True, slots=True)
class KeptLine:
    """Units of a held line that an order has: the first `quantity` of them. `line` is its number, from 1."""

    line: int
    quantity: int


def tender_of(points: int, due_minor: int, value: PointsWorth | None) -> Tender:
    """Return the fewest points that pay as much of a cart as `points` would, and what they pay.

    Without a value all points are taken: then the shop says what they pay. Where nothing is due, no points pay it.
    """
    if due_minor == 0:
        return NOTHING
    if value is None:
        return Tender(points, None)
    worth = min(value.of(points), due_minor)
    return Tender(-(-worth * value.points // value.amount_minor), worth)


def lines_kept(lines: Sequence[Line], kept: Sequence[KeptLine]) -> tuple[Line, ...]:
    """Return the lines of an order that keeps the first units of held lines, at the amounts of these units."""
    return tuple(
        Line(line.quantity, attribution.amount_of(lines, UnitRange(line.line, 1, line.quantity)))
        for line in kept
    )


def points_kept(points: int, lines: Sequence[Line], kept: Sequence[KeptLine]) -> int:
    """Return how many of the held points fall on the units that an order keeps."""
    if not points:
        return 0
    base = attribution.eligible_amount(lines)
    units = [UnitRange(line.line, 1, line.quantity) for line in kept]
    return attribution.points_of(points, base, lines, units)


def worth_kept(tender: Tender, points: int) -> int | None:
    """Return what the first `points` of a tender pay, in proportion and rounded down."""
    if tender.worth_minor is None or not tender.points:
        return tender.worth_minor
    return tender.worth_minor * points // tender.points
