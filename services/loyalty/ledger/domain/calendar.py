"""Calendar arithmetic in a programme's zone; instants in and out are aware UTC (docs/rules/time.md)."""

from __future__ import annotations

from calendar import monthrange
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from shared.local_time import instant_of, wall_clock

MONTHS_A_YEAR = 12
DAYS_A_MONTH_MIN = 28
"""Every month has these days."""


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
