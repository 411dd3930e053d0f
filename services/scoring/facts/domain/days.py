"""The days of the shop: which local day an instant falls on, and when a day begins."""

from datetime import UTC, date, datetime, time
from zoneinfo import ZoneInfo


def local_day(instant: datetime, zone: ZoneInfo) -> date:
    """Return the day in the shop's zone that an instant falls on."""
    return instant.astimezone(zone).date()


def day_start(day: date, zone: ZoneInfo) -> datetime:
    """Return the first instant of a local day, in UTC."""
    return datetime.combine(day, time.min, zone).astimezone(UTC)
