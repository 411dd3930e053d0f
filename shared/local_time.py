"""Wall-clock times and days of a zone, and the instants that they mean: one rule for everything that is local.

A wall-clock time that occurs twice, because the clocks go back, means its first occurrence. A wall-clock time that the
clocks skip means the instant as if they had not moved, which they show later by as much as they skipped. Tiers, expiry,
working hours and days follow this rule (docs/rules/time.md).
"""

from datetime import UTC, date, datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

SKIPPED_MAX: Final = timedelta(days=1)
"""The clocks of no zone skip more than a day: that is how a zone crosses the date line."""


def instant_of(wall: datetime, zone: ZoneInfo) -> datetime:
    """Return the instant that a wall-clock time without a zone means, in UTC."""
    return wall.replace(tzinfo=zone, fold=0).astimezone(UTC)


def wall_clock(instant: datetime, zone: ZoneInfo) -> datetime:
    """Return what the clocks of a zone show at an instant, without the zone."""
    return instant.astimezone(zone).replace(tzinfo=None, fold=0)


def local_day(instant: datetime, zone: ZoneInfo) -> date:
    """Return the day that the calendars of a zone show at an instant."""
    return wall_clock(instant, zone).date()


def day_start(day: date, zone: ZoneInfo) -> datetime:
    """Return the instant at which a day of a zone begins, in UTC: that of its midnight."""
    return instant_of(datetime.combine(day, time.min), zone)
