"""Calendar months of a programme's zone, by which the books are closed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from zoneinfo import ZoneInfo

from shared.local_time import day_start, local_day

MONTHS_A_YEAR = 12
COHORTS_MAX = 120
"""The months of earning that are told apart. What was earned before the first of them counts as earned in it."""


@dataclass(frozen=True, slots=True)
class Month:
    """A calendar month by its first day. It reaches from after the instant at which it begins up to that at which it ends.

    What falls due at the midnight between two months belongs to the month that ends.
    """

    first: date
    begins_at: datetime
    ends_at: datetime


def month_of(first: date, zone: ZoneInfo) -> Month:
    """Return the month that begins on this day."""
    return Month(first, day_start(first, zone), day_start(later(first, 1), zone))


def months_of(first: date, last: date, zone: ZoneInfo) -> Iterator[Month]:
    """Yield the months from one to another, both of them too."""
    while first <= last:
        yield month_of(first, zone)
        first = later(first, 1)


def first_day(instant: datetime, zone: ZoneInfo) -> date:
    """Return the first day of the month that an instant lies in."""
    return local_day(instant, zone).replace(day=1)


def ended_by(instant: datetime, zone: ZoneInfo) -> date:
    """Return the first day of the month that an instant belongs to, where the midnight between two months belongs to the first one."""
    first = first_day(instant, zone)
    return later(first, -1) if day_start(first, zone) == instant else first


def later(first: date, months: int) -> date:
    """Return the first day of the month so many months later; earlier if negative."""
    years, month0 = divmod(first.month - 1 + months, MONTHS_A_YEAR)
    return date(first.year + years, month0 + 1, 1)


def months_between(earlier: date, until: date) -> int:
    """Return how many months one month lies after another."""
    return (until.year - earlier.year) * MONTHS_A_YEAR + until.month - earlier.month


@dataclass(frozen=True, slots=True)
class Cohorts:
    """The months in which points were earned that are told apart, up to the month of an instant."""

    last: date
    edges: tuple[datetime, ...]
    """The begins of all of them but the first, which has no begin."""

    @classmethod
    def up_to(cls, instant: datetime, zone: ZoneInfo) -> Cohorts:
        """Return the cohorts that points can be of at an instant."""
        last = first_day(instant, zone)
        begins = (later(last, -months) for months in range(COHORTS_MAX - 2, -1, -1))
        return cls(last, tuple(day_start(begin, zone) for begin in begins))

    def month(self, number: int) -> date:
        """Return the first day of the cohort with so many edges before it."""
        return later(self.last, number - len(self.edges))
