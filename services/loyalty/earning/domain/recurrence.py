"""Days that come again: the part of RFC 5545 recurrence rules that windows of time need. A day matches by arithmetic, without listing others.

A part that is absent is taken from the first day, as in RFC 5545 section 3.3.10: the weekday of a week, the day of a month, the day of a year.
"""

from __future__ import annotations

import re
from calendar import monthrange
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from functools import lru_cache

INTERVAL_MAX = 366
READ_CACHED = 1_000
"""Texts of recurrences that are kept as read."""
PARTS_MAX = 62
"""The values of one part: every day of a month, from its begin and from its end."""
_MONTHS = 12
_DAYS_A_WEEK = 7
_DAYS_A_MONTH_MAX = 31
_WEEKDAYS = {"MO": 0, "TU": 1, "WE": 2, "TH": 3, "FR": 4, "SA": 5, "SU": 6}
_WEEKDAY = re.compile(r"([+-]?[1-5])?(MO|TU|WE|TH|FR|SA|SU)")
_INTEGER = re.compile(r"[+-]?[0-9]{1,3}")
_DATE = re.compile(r"[0-9]{8}")


class Frequency(StrEnum):
    """The period in which a recurrence comes again."""

    DAILY = "DAILY"
    WEEKLY = "WEEKLY"
    MONTHLY = "MONTHLY"
    YEARLY = "YEARLY"


@dataclass(frozen=True, slots=True)
class Recurrence:
    """Days that come again. Empty sets let every value pass. `weekdays` are (ordinal in the month or 0, weekday from 0 = Monday)."""

    frequency: Frequency
    interval: int = 1
    weekdays: frozenset[tuple[int, int]] = frozenset()
    days: frozenset[int] = frozenset()
    """Days of a month: from 1, or from its end, -1 being the last."""
    months: frozenset[int] = frozenset()
    until: date | None = None

    def from_day(self, first: date) -> Recurrence:
        """Return the recurrence with the parts that it takes from its first day."""
        weekdays, days, months = self.weekdays, self.days, self.months
        if not weekdays and not days:
            match self.frequency:
                case Frequency.WEEKLY:
                    weekdays = frozenset({(0, first.weekday())})
                case Frequency.MONTHLY:
                    days = frozenset({first.day})
                case Frequency.YEARLY:
                    days = frozenset({first.day})
                    months = months or frozenset({first.month})
                case Frequency.DAILY:
                    pass
        return Recurrence(self.frequency, self.interval, weekdays, days, months, self.until)

    def has(self, day: date, first: date) -> bool:
        """Return whether a day is one of those that come again from the first day on. The recurrence must be `from_day` of it."""
        if (
            day < first
            or (self.until is not None and day > self.until)
            or self._periods(day, first) % self.interval
        ):
            return False
        if self.months and day.month not in self.months:
            return False
        length = monthrange(day.year, day.month)[1]
        if self.days and not {day.day, day.day - length - 1} & self.days:
            return False
        return not self.weekdays or self._is_weekday(day, length)

    def _periods(self, day: date, first: date) -> int:
        """Return how many days, weeks, months or years lie between the periods of two days. Weeks begin on Monday."""
        match self.frequency:
            case Frequency.DAILY:
                return (day - first).days
            case Frequency.WEEKLY:
                monday = first - timedelta(days=first.weekday())
                return (day - monday).days // _DAYS_A_WEEK
            case Frequency.MONTHLY:
                return (day.year - first.year) * _MONTHS + day.month - first.month
            case Frequency.YEARLY:
                return day.year - first.year

    def _is_weekday(self, day: date, length: int) -> bool:
        from_begin = (day.day - 1) // _DAYS_A_WEEK + 1
        from_end = -((length - day.day) // _DAYS_A_WEEK + 1)
        weekday = day.weekday()
        return not {(0, weekday), (from_begin, weekday), (from_end, weekday)}.isdisjoint(self.weekdays)


@lru_cache(READ_CACHED)
def read(text: str) -> Recurrence | None:
    """Return the recurrence that a text such as `FREQ=WEEKLY;BYDAY=SA,SU` says; None: it says none that is known here."""
    parts: dict[str, str] = {}
    for part in text.split(";"):
        name, _, value = part.partition("=")
        if name in parts or not value:
            return None
        parts[name] = value
    frequency, interval = parts.pop("FREQ", ""), parts.pop("INTERVAL", "1")
    weekdays, days = _weekdays(parts.pop("BYDAY", None)), _numbers(parts.pop("BYMONTHDAY", None))
    months, until = _numbers(parts.pop("BYMONTH", None)), _day(parts.pop("UNTIL", None))
    if parts or frequency not in set(Frequency) or weekdays is None or days is None or months is None:
        return None
    fits = all(1 <= month <= _MONTHS for month in months)
    fits &= all(1 <= abs(day) <= _DAYS_A_MONTH_MAX for day in days)
    fits &= re.fullmatch("[0-9]{1,3}", interval) is not None and 1 <= int(interval) <= INTERVAL_MAX
    fits &= frequency == Frequency.MONTHLY or all(ordinal == 0 for ordinal, _ in weekdays)
    fits &= frequency != Frequency.WEEKLY or not days
    if not fits or until == date.max:
        return None
    return Recurrence(Frequency(frequency), int(interval), weekdays, days, months, until)


def _weekdays(text: str | None) -> frozenset[tuple[int, int]] | None:
    """Return weekdays with their ordinals; None: the text has something else."""
    found = [_WEEKDAY.fullmatch(part) for part in _split(text)]
    if len(found) > PARTS_MAX or not all(found):
        return None
    return frozenset((int(match[1] or 0), _WEEKDAYS[match[2]]) for match in found if match is not None)


def _numbers(text: str | None) -> frozenset[int] | None:
    """Return numbers; None: the text has something else."""
    parts = _split(text)
    if len(parts) > PARTS_MAX or not all(_INTEGER.fullmatch(part) for part in parts):
        return None
    return frozenset(int(part) for part in parts)


def _day(text: str | None) -> date | None:
    """Return the day of a text such as `20261231`, `date.max` for one that is no day, and None without a text."""
    if text is None:
        return None
    try:
        return date.fromisoformat(text) if _DATE.fullmatch(text) else date.max
    except ValueError:
        return date.max


def _split(text: str | None) -> list[str]:
    return [] if text is None else text.split(",")
