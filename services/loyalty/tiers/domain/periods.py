"""The periods in which is counted towards tiers, in a programme's zone."""

from __future__ import annotations

from datetime import date, datetime
from typing import NamedTuple
from zoneinfo import ZoneInfo

from services.loyalty.ledger.domain import calendar
from services.loyalty.ledger.domain.calendar import CalendarPeriod
from services.loyalty.ledger.domain.qualification import TierWindow
from shared.local_time import day_start, local_day


class Period(NamedTuple):
    """A period from one instant on and before another one."""

    begins: datetime
    ends: datetime


def period_of(instant: datetime, window: TierWindow, joined: date, zone: ZoneInfo) -> Period:
    """Return the period that an instant lies in. `joined` is the day from which years of membership are counted."""
    day = local_day(instant, zone)
    if window is TierWindow.ANNIVERSARY:
        year = day.year if _anniversary(joined, day.year) <= day else day.year - 1
        first, following = _anniversary(joined, year), _anniversary(joined, year + 1)
    else:
        period = CalendarPeriod(window.value)
        first = calendar.period_start(day, period)
        following = calendar.next_period(first, period)
    return Period(day_start(first, zone), day_start(following, zone))


def _anniversary(joined: date, year: int) -> date:
    """Return the day of a year on which a year of membership begins; of 29 February it is 1 March in other years."""
    try:
        return joined.replace(year=year)
    except ValueError:
        return date(year, 3, 1)
