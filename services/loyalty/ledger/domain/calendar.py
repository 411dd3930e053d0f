"""Calendar arithmetic in a programme's zone; instants in and out are aware UTC (docs/rules/time.md)."""

from __future__ import annotations

from calendar import monthrange
from datetime import date, datetime, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from shared.local_time import day_start, instant_of, wall_clock

MONTHS_A_YEAR = 12
DAYS_A_MONTH_MIN = 28
"""Every month has these days."""


class CalendarPeriod(StrEnum):
    """A calendar period, at whose end something ends."""

    DAY = "day"
    MONTH = "month"
    QUARTER = "quarter"
    YEAR = "year"


MONTHS = {CalendarPeriod.MONTH: 1, CalendarPeriod.QUARTER: 3, CalendarPeriod.YEAR: MONTHS_A_YEAR}
"""The months of each period that has whole months."""


def plus_days(instant: datetime, days: int, zone: ZoneInfo) -> datetime:
    """Return the same wall-clock time `days` calendar days later."""
    return instant_of(wall_clock(instant, zone) + timedelta(days=days), zone)


def plus_months(instant: datetime, months: int, zone: ZoneInfo) -> datetime:
    """Return the same wall-clock time `months` calendar months later.

    Where the month has no such day it is the first instant of the next one: a year after 29 February begins
    1 March, so that going back twelve months from any instant never finds what was out of reach before.
    """
    wall = wall_clock(instant, zone)
    years, month0 = divmod(wall.month - 1 + months, MONTHS_A_YEAR)
    year, month = wall.year + years, month0 + 1
    if wall.day <= DAYS_A_MONTH_MIN or wall.day <= (days := monthrange(year, month)[1]):
        return instant_of(wall.replace(year=year, month=month), zone)
    last = wall.replace(year=year, month=month, day=days, hour=0, minute=0, second=0, microsecond=0)
    return instant_of(last + timedelta(days=1), zone)


def period_end(instant: datetime, period: CalendarPeriod, zone: ZoneInfo) -> datetime:
    """Return the end of the calendar period that an instant lies in; an instant at which a period ends is an end itself."""
    today = wall_clock(instant, zone).date()
    start = today if period is CalendarPeriod.DAY else period_start(today, period)
    if instant == day_start(start, zone):
        return instant
    after = start + timedelta(days=1) if period is CalendarPeriod.DAY else next_period(start, period)
    return day_start(after, zone)


def period_start(day: date, period: CalendarPeriod) -> date:
    """Return the first day of the calendar period that a day lies in."""
    months = MONTHS[period]
    return date(day.year, (day.month - 1) // months * months + 1, 1)


def next_period(start: date, period: CalendarPeriod, periods: int = 1) -> date:
    """Return the first day of the calendar period so many periods after the one that begins at `start`; before it if negative."""
    years, month0 = divmod(start.month - 1 + MONTHS[period] * periods, MONTHS_A_YEAR)
    return date(start.year + years, month0 + 1, 1)
