"""The liability: the points that members have at an instant, by age and by expiry, and their value."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date

from services.loyalty.finance.domain.breakage import Breakage
from services.loyalty.finance.domain.months import Cohorts, months_between
from services.loyalty.ledger.domain.programme import PointsWorth
from services.loyalty.ledger.domain.sums import Standing

EDGES = (1, 3, 6, 12, 24)
"""The months at which one bucket ends and the next one begins, for ages and for expiries."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outstanding:
    """Points that members have, and what they are worth in minor units (None: the programme does not say)."""

    pending: int
    active: int
    held: int
    value_minor: int | None

    @property
    def points(self) -> int:
        """Return all of them."""
        return self.pending + self.active + self.held


@dataclass(frozen=True, slots=True)
class Bucket:
    """Points of one age, or with one time to live: from so many months up to, but not including, so many (None: without end).

    `from_months` is None for points without a last day.
    """

    from_months: int | None
    until_months: int | None
    outstanding: Outstanding


@dataclass(frozen=True, slots=True, kw_only=True)
class Liability:
    """The points that members have at an instant."""

    total: Outstanding
    owed: int
    """Points that members owe, because a return took back what they had spent."""
    erased: int
    """Points of erased customers, which nobody can spend; they are in the total."""
    by_age: Sequence[Bucket]
    by_expiry: Sequence[Bucket]
    breakage: Breakage
    deferred_revenue_minor: int | None

    @property
    def net(self) -> int:
        """Return what members have less what they owe: the balance of all accounts of members."""
        return self.total.points - self.owed


def liability(
    standings: Sequence[Standing],
    cohorts: Cohorts,
    breakage: Breakage,
    value: PointsWorth | None,
) -> Liability:
    """Add up what members have, and value it.

    The value of all points is rounded down to a whole minor unit. Each bucket has the rounded value of all buckets up to it less that of
    all before it, so that the buckets add up to the value of all.
    """
    ages = [_age(standing, cohorts) for standing in standings]
    by_age = _buckets(zip(ages, standings, strict=True), _BOUNDS, value)
    by_expiry = _buckets(
        ((_expiry(standing), standing) for standing in standings), (*_BOUNDS, (None, None)), value
    )
    (total,) = _buckets(((0, standing) for standing in standings), ((0, None),), value)
    erased = sum(_points(standing) for standing in standings if standing.erased)
    redeemable = total.outstanding.points - erased - (breakage.expected or 0)
    return Liability(
        total=total.outstanding,
        owed=sum(standing.owed for standing in standings),
        erased=erased,
        by_age=by_age,
        by_expiry=by_expiry,
        breakage=breakage,
        deferred_revenue_minor=None if value is None else value.of(redeemable),
    )


def can_expire(standings: Iterable[Standing], cohorts: Cohorts) -> dict[date, int]:
    """Return the points that can expire and are not held, by the month in which they were earned. Those of erased customers are left out."""
    points: dict[date, int] = {}
    for standing in standings:
        if standing.expires and not standing.erased:
            cohort = cohorts.month(standing.cohort)
            points[cohort] = points.get(cohort, 0) + standing.pending + standing.active
    return points


_BOUNDS: Sequence[tuple[int | None, int | None]] = tuple(zip((0, *EDGES), (*EDGES, None), strict=True))


def _age(standing: Standing, cohorts: Cohorts) -> int:
    """Return the number of the bucket of an age, in calendar months; points that are earned tomorrow have none yet."""
    return bisect_right(EDGES, max(months_between(cohorts.month(standing.cohort), cohorts.last), 0))


def _expiry(standing: Standing) -> int:
    """Return the number of the bucket of a time to live; the last one is that of points without a last day."""
    return standing.expiry if standing.expires else len(_BOUNDS)


def _buckets(
    placed: Iterable[tuple[int, Standing]],
    bounds: Sequence[tuple[int | None, int | None]],
    value: PointsWorth | None,
) -> list[Bucket]:
    sums = [[0, 0, 0] for _ in bounds]
    for number, standing in placed:
        for place, points in enumerate((standing.pending, standing.active, standing.held)):
            sums[number][place] += points
    values = values_of(value, [sum(points) for points in sums])
    return [
        Bucket(*bound, Outstanding(pending=pending, active=active, held=held, value_minor=worth))
        for bound, (pending, active, held), worth in zip(bounds, sums, values, strict=True)
    ]


def values_of(value: PointsWorth | None, parts: Sequence[int]) -> list[int | None]:
    """Return what each part is worth, so that the parts add up to what all points are worth."""
    if value is None:
        return [None] * len(parts)
    worth, points, before = list[int | None](), 0, 0
    for part in parts:
        points += part
        worth.append(value.of(points) - before)
        before = value.of(points)
    return worth


def _points(standing: Standing) -> int:
    return standing.pending + standing.active + standing.held
