"""Expected breakage: how many of the points that members have will expire, by what became of the points before them.

Points that can expire end in one of two ways: they are redeemed, or they expire. Which share expires is the cumulative incidence
of competing risks, estimated from months of age as by Aalen and Johansen (1978), "An empirical transition matrix for
non-homogeneous Markov chains based on censored observations", Scandinavian Journal of Statistics 5:141-150. It needs no cohort that
has ended: what is still there counts up to the age that it has reached. Reversed and corrected points are censored.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
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
    """The points of one cohort that came, were redeemed, expired, and left otherwise in one closed month."""

    cohort: date
    month: date
    came: int
    redeemed: int
    expired: int
    left: int


@dataclass(frozen=True, slots=True)
class Experience:
    """The experience behind an estimate."""

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
    cells: Iterable[Cell], closed: Sequence[date], outstanding: Mapping[date, int], at: date
) -> Breakage:
    """Estimate how many of the points `outstanding`, by cohort, will expire after the begin of the month `at`, rounded down.

    `cells` have the points that can expire in the months `closed`, in their order; a month without movements of a cohort has no cell.
    Points older than all that was observed are not expected to expire.
    """
    known = list(cells)
    rests_on = Experience(
        len(closed), sum(cell.redeemed for cell in known), sum(cell.expired for cell in known)
    )
    if len(closed) < MONTHS_MIN or rests_on.expired < EXPIRED_MIN:
        return Breakage(None, rests_on)
    chances = chances_to_expire(known, closed[-1])
    expected = sum(
        (points * _chance(chances, months_between(cohort, at)) for cohort, points in outstanding.items()),
        Fraction(0),
    )
    return Breakage(int(expected), rests_on)


def chances_to_expire(cells: Iterable[Cell], until: date) -> list[Fraction]:
    """Return for each age in months the share of the points which are there at its begin that will expire.

    At an age with n points, of which e expire and r are redeemed, it is e/n + (1 - (e + r)/n) of the next age's share. `until` is the
    last month that was observed.
    """
    of_cohort: dict[date, dict[int, Cell]] = {}
    for cell in cells:
        of_cohort.setdefault(cell.cohort, {})[months_between(cell.cohort, cell.month)] = cell
    ages: dict[int, _Age] = {}
    for cohort, by_age in of_cohort.items():
        there = 0
        for age in range(min(by_age), months_between(cohort, until) + 1):
            seen = by_age.get(age)
            if seen is not None:
                there += seen.came - seen.left
            total = ages.setdefault(max(age, 0), _Age())
            total.there += there
            if seen is not None:
                total.expired += seen.expired
                total.redeemed += seen.redeemed
                there -= seen.expired + seen.redeemed
    chances: list[Fraction] = []
    later = Fraction(0)
    for number in range(max(ages, default=-1), -1, -1):
        later = ages[number].chance(later) if number in ages else later
        chances.append(later)
    return chances[::-1]


@dataclass(slots=True)
class _Age:
    """All points that were seen at one age, and those of them that ended there."""

    there: int = 0
    expired: int = 0
    redeemed: int = 0

    def chance(self, later: Fraction) -> Fraction:
        """Return the share that will expire, from that of the next age."""
        if self.there <= 0:
            return later
        return Fraction(self.expired, self.there) + later * (
            1 - Fraction(self.expired + self.redeemed, self.there)
        )


def _chance(chances: list[Fraction], age: int) -> Fraction:
    return chances[max(age, 0)] if age < len(chances) else Fraction(0)
