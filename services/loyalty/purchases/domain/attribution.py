"""Attribution says which points fall on which units, by one formula; a range of units takes two divisions.

A line of quantity q and amount A has units u = 1..q; the first u of them are worth ⌊A·u/q⌋. Points P that were
granted on (or spent against) an amount S fall on the first k units, in line order, as ⌊P·C_k/S⌋. C_k is what these
units are worth; where S = 0, it is their number. The formula telescopes: the parts of all units add up to P.
See docs/rules/attribution.md.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Sequence

from services.loyalty.purchases.domain.facts import Line, UnitRange


def amount_of(lines: Sequence[Line], units: UnitRange) -> int:
    """Return what a range of units is worth, in minor units of the order's currency."""
    line = lines[units.line - 1]
    return _worth(line, units.unit_to) - _worth(line, units.unit_from - 1)


def positions_of(
    points: int, base: int, lines: Sequence[Line], units: UnitRange, eligible: Container[int] | None = None
) -> tuple[int, int]:
    """Return the half-open range (a, b] of the positions 1..`points` that a range of units owns.

    `base` is the eligible amount in minor units, `eligible` the line numbers that count (None: all). Units of a
    line that does not count, or that the order does not have, own nothing: a = b.
    """
    counts = units.line <= len(lines) and (eligible is None or units.line in eligible)
    if not counts:
        return 0, 0
    before = _before(lines, units.line, by_amount=base > 0, eligible=eligible)
    line = lines[units.line - 1]
    last = min(units.unit_to, line.quantity)  # A redemption may name fewer units than were bought.
    first = min(units.unit_from - 1, last)
    if base > 0:
        return points * (before + _worth(line, first)) // base, points * (before + _worth(line, last)) // base
    count = _before(lines, len(lines) + 1, by_amount=False, eligible=eligible)
    return points * (before + first) // count, points * (before + last) // count


def points_of(
    points: int,
    base: int,
    lines: Sequence[Line],
    units: Iterable[UnitRange],
    eligible: Container[int] | None = None,
) -> int:
    """Return how many of `points` fall on these units."""
    ranges = (positions_of(points, base, lines, taken, eligible) for taken in units)
    return sum(last - first for first, last in ranges)


def eligible_amount(lines: Sequence[Line], eligible: Container[int] | None = None) -> int:
    """Return the sum of the amounts that count, in minor units."""
    return _before(lines, len(lines) + 1, by_amount=True, eligible=eligible)


def overlapping(ranges: Iterable[UnitRange]) -> Iterator[UnitRange]:
    """Yield the ranges that share a unit with a range that sorts before them."""
    line, highest = 0, 0
    for units in sorted(ranges):
        if units.line == line and units.unit_from <= highest:
            yield units
        highest = max(highest, units.unit_to) if units.line == line else units.unit_to
        line = units.line


def _worth(line: Line, units: int) -> int:
    return line.amount_minor * units // line.quantity


def _before(lines: Sequence[Line], line: int, *, by_amount: bool, eligible: Container[int] | None) -> int:
    """Return what the eligible lines before `line` are worth, or the number of their units."""
    counted = lines[: line - 1]
    if eligible is not None:
        counted = [bought for number, bought in enumerate(counted, start=1) if number in eligible]
    return sum([bought.amount_minor if by_amount else bought.quantity for bought in counted])
