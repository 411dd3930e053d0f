"""Expected breakage: how many of the points that members have will expire, by what became of the points before them.

Points that can expire end in one of two ways: they are redeemed, or they expire. Which share expires is the cumulative incidence
of competing risks, estimated from months of age as by Aalen and Johansen (1978), "An empirical transition matrix for
non-homogeneous Markov chains based on censored observations", Scandinavian Journal of Statistics 5:141-150. It needs no cohort that
has ended: what is still there counts up to the age that it has reached. Reversed and corrected points are censored.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from fractions import Fraction

from services.loyalty.finance.domain.months import months_between

MONTHS_MIN = 12
"""Closed months without which nothing is estimated: a year, so that each season is in it."""
EXPIRED_MIN = 1_000
"""Points that must have expired in these months."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """What became of the points of one cohort in one closed month: how many came, were redeemed, expired, and left otherwise."""

    cohort: date
    month: date
    came: int
    redeemed: int
    expired: int
    left: int


@dataclass(frozen=True, slots=True)
class Experience:
    """What an estimate rests on."""

    months: int
    """Closed months, from the first one on."""
    redeemed: int
    expired: int


@dataclass(frozen=True, slots=True)
class Breakage:
    """The points that are expected to expire (None: there is too little data), and what that rests on."""

    expected: int | None
    rests_on: Experience


def expected_breakage(
    cells: Iterable[Cell], months: int, outstanding: Mapping[date, int], at: date
) -> Breakage:
    """Estimate how many of the points `outstanding`, by cohort, will expire after the month `at`, rounded down.

    `cells` have points that can expire, of all closed months. Points older than all that was observed are not expected to expire.
    """
    known = list(cells)
    rests_on = Experience(months, sum(cell.redeemed for cell in known), sum(cell.expired for cell in known))
    if months < MONTHS_MIN or rests_on.expired < EXPIRED_MIN:
        return Breakage(None, rests_on)
    chances = chances_to_expire(known)
    expected = sum(
        (points * _chance(chances, months_between(cohort, at)) for cohort, points in outstanding.items()),
        Fraction(0),
    )
    return Breakage(int(expected), rests_on)


def chances_to_expire(cells: Iterable[Cell]) -> list[Fraction]:
    """Return for each age in months the share of the points which are there at its begin that will expire.

    At an age with n points, of which e expire and r are redeemed, it is e/n + (1 - (e + r)/n) of the next age's share.
    """
    at_risk: dict[int, int] = {}
    ended: dict[int, tuple[int, int]] = {}
    there: dict[date, int] = {}
    for cell in sorted(cells, key=lambda cell: (cell.cohort, cell.month)):
        age = max(months_between(cell.cohort, cell.month), 0)
        exposed = there.get(cell.cohort, 0) + cell.came - cell.left
        expired, redeemed = ended.get(age, (0, 0))
        at_risk[age] = at_risk.get(age, 0) + exposed
        ended[age] = expired + cell.expired, redeemed + cell.redeemed
        there[cell.cohort] = exposed - cell.expired - cell.redeemed
    chances: list[Fraction] = []
    later = Fraction(0)
    for age in range(max(at_risk, default=-1), -1, -1):
        points = at_risk.get(age, 0)
        if points > 0:
            expired, redeemed = ended[age]
            later = Fraction(expired, points) + (1 - Fraction(expired + redeemed, points)) * later
        chances.append(later)
    return chances[::-1]


def _chance(chances: list[Fraction], age: int) -> Fraction:
    return chances[max(age, 0)] if age < len(chances) else Fraction(0)
