"""Calendar arithmetic in a programme's zone; instants in and out are aware UTC."""

from __future__ import annotations

from calendar import monthrange
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

MONTHS_A_YEAR = 12
DAYS_A_MONTH_MIN = 28
"""Every month has these days."""


def plus_days(instant: datetime, days: int, zone: ZoneInfo) -> datetime:
    """Return the same wall-clock time `days` calendar days later."""
    return _resolve(instant.astimezone(zone).replace(tzinfo=None) + timedelta(days=days), zone)


def plus_months(instant: datetime, months: int, zone: ZoneInfo) -> datetime:
    """Return the same wall-clock time `months` calendar months later.

    Where the month has no such day it is the first instant of the next one: a year after 29 February begins
    1 March, so that going back twelve months from any instant never finds what was out of reach before.
    """
    wall = instant.astimezone(zone).replace(tzinfo=None, fold=0)
    years, month0 = divmod(wall.month - 1 + months, MONTHS_A_YEAR)
    year, month = wall.year + years, month0 + 1
    if wall.day <= DAYS_A_MONTH_MIN or wall.day <= (days := monthrange(year, month)[1]):
        return _resolve(wall.replace(year=year, month=month), zone)
    last = wall.replace(year=year, month=month, day=days, hour=0, minute=0, second=0, microsecond=0)
    return _resolve(last + timedelta(days=1), zone)


def _resolve(wall: datetime, zone: ZoneInfo) -> datetime:
    """Return the first instant with this wall-clock time; within a gap, the instant as if the clocks had not moved."""
    return wall.replace(tzinfo=zone).astimezone(UTC)
