"""The calendar periods in which caps count, in the programme's zone: half-open, without a gap or an overlap."""

from __future__ import annotations

from datetime import date, timedelta
from enum import StrEnum

MONTHS_A_QUARTER = 3
BEGINNING = date(1, 1, 1)
"""The first day of the one period that has no end."""


class Period(StrEnum):
    """A calendar period of the programme's zone. Weeks begin on Monday (ISO 8601)."""

    DAY = "day"
    WEEK = "week"
    MONTH = "month"
    QUARTER = "quarter"
    YEAR = "year"
    LIFETIME = "lifetime"


HOLDS: dict[Period, frozenset[Period]] = {
    Period.DAY: frozenset(Period),
    Period.WEEK: frozenset({Period.WEEK, Period.LIFETIME}),
    Period.MONTH: frozenset({Period.MONTH, Period.QUARTER, Period.YEAR, Period.LIFETIME}),
    Period.QUARTER: frozenset({Period.QUARTER, Period.YEAR, Period.LIFETIME}),
    Period.YEAR: frozenset({Period.YEAR, Period.LIFETIME}),
    Period.LIFETIME: frozenset({Period.LIFETIME}),
}
"""The periods that hold a whole period of each length. A week may lie in two months, so no month holds it."""


def first_day(period: Period, day: date) -> date:
    """Return the first day of the period that a day lies in."""
    match period:
        case Period.DAY:
            return day
        case Period.WEEK:
            return day - timedelta(days=day.weekday())
        case Period.MONTH:
            return day.replace(day=1)
        case Period.QUARTER:
            return date(day.year, day.month - (day.month - 1) % MONTHS_A_QUARTER, 1)
        case Period.YEAR:
            return date(day.year, 1, 1)
        case Period.LIFETIME:
            return BEGINNING
