"""Working time: windows of a week in a zone, dated exceptions, and the arithmetic of due times on top.

Conventions C1 to C9 (README beside tests/data/sla): windows are half-open, whole seconds, the earliest instant wins.
Instants are whole seconds since 1970 in here.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from services.feedback.sla.refusals import CalendarWithoutTime, WindowInvalid, ZoneUnknown
from shared.local_time import SKIPPED_MAX, instant_of

DAY: Final = 86_400
CLOSE_MAX: Final = 2 * DAY
DAYS_A_STEP: Final = 366
CALENDARS_MAX: Final = 256


class Window(NamedTuple):
    """A window of working time, [opens, closes) in whole seconds: since the local midnight in a calendar, else since 1970."""

    opens: int
    closes: int


Windows = tuple[Window, ...]


class Pause(NamedTuple):
    """A pause of a clock, [begin, end) in whole seconds since 1970; end None: it still runs."""

    begin: int
    end: int | None


@dataclass(frozen=True, slots=True)
class Calendar:
    """One version of a calendar: a week from Monday, dated windows that replace a day whole (empty: closed).

    A window may run past midnight; it belongs to the day it opens.
    `effective_from` is when this version took over, `apply_to_open` whether it moves clocks that were running then,
    `estimated_from` the first day for which no official data was known (None: all known).
    """

    id: str
    version: int
    zone: str
    week: tuple[Windows, ...]
    exceptions: tuple[tuple[date, Windows], ...] = ()
    effective_from: datetime = datetime(1970, 1, 1, tzinfo=UTC)
    apply_to_open: bool = False
    estimated_from: date | None = None
    dated: dict[date, Windows] = field(init=False, repr=False, compare=False)
    compiled: dict[int, WorkingTime] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        try:
            ZoneInfo(self.zone)
        except (ZoneInfoNotFoundError, ValueError) as error:
            raise ZoneUnknown(zone=self.zone) from error
        for window in [
            *(window for windows in self.week for window in windows),
            *(window for _, windows in self.exceptions for window in windows),
        ]:
            if not 0 <= window.opens < window.closes <= CLOSE_MAX or window.opens >= DAY:
                raise WindowInvalid(most=CLOSE_MAX, day=DAY)
        if len(self.week) != 7 or not any(self.week):
            raise CalendarWithoutTime()
        object.__setattr__(self, "dated", dict(self.exceptions))
        object.__setattr__(self, "compiled", {})

    def windows(self, day: date) -> Windows:
        """Return the windows that open on a local date: the dated ones, else those of the week."""
        return self.dated.get(day, self.week[day.weekday()])

    def is_estimated(self, at: int) -> bool:
        """Return whether no official data was known for the local date of an instant."""
        return (
            self.estimated_from is not None
            and datetime.fromtimestamp(at, ZoneInfo(self.zone)).date() >= self.estimated_from
        )


class WorkingTime:
    """A calendar compiled to sorted windows with running sums; it grows by a year when a later time is asked for."""

    def __init__(self, calendar: Calendar, first: date) -> None:
        self._calendar = calendar
        self._zone = ZoneInfo(calendar.zone)
        self._next_day = first
        self._opens: list[int] = []
        self._closes: list[int] = []
        self._before: list[int] = []  # working seconds before a window opens
        self._after: list[int] = []  # working seconds when a window closes
        self._ahead: list[Window] = []
        """Windows at the end of the compiled days, which windows of the days after may still precede."""
        self._known_until = 0
        self._grow()

    def consumed(self, at: int) -> int:
        """Return W(at): the working seconds from the first compiled day to `at`."""
        while at >= self._known_until:
            self._grow()
        index = bisect_right(self._opens, at) - 1
        if index < 0:
            return 0
        return self._before[index] + min(at, self._closes[index]) - self._opens[index]

    def reached(self, seconds: int) -> int:
        """Return W⁻¹: the earliest instant by which `seconds` > 0 of working time have passed."""
        while not self._after or self._after[-1] < seconds:
            self._grow()
        index = bisect_left(self._after, seconds)
        return self._opens[index] + seconds - self._before[index]

    def _grow(self) -> None:
        """Compile another year. A calendar has working time in every week but for dated exceptions, so this ends."""
        windows = self._ahead
        for _ in range(DAYS_A_STEP):
            midnight = datetime.combine(self._next_day, datetime.min.time())
            windows += (
                Window(self._instant(midnight, window.opens), self._instant(midnight, window.closes))
                for window in self._calendar.windows(self._next_day)
            )
            self._next_day += timedelta(days=1)
        # A time that the clocks skip is meant later. So a window may open after one that begins later by the clock, and
        # windows of the days to come open at the earliest as long before their midnight as clocks skip.
        midnight = datetime.combine(self._next_day, datetime.min.time())
        self._known_until = self._instant(midnight, 0) - int(SKIPPED_MAX.total_seconds())
        self._ahead = [window for window in windows if window.opens >= self._known_until]
        for window in sorted(windows):
            if window.opens < self._known_until:
                self._add(window)

    def _instant(self, midnight: datetime, seconds: int) -> int:
        """Return the instant of a local wall time (C6, docs/rules/time.md)."""
        return int(instant_of(midnight + timedelta(seconds=seconds), self._zone).timestamp())

    def _add(self, window: Window) -> None:
        """Append a window that opens no earlier than the last one; if it overlaps or touches that one, it extends it."""
        opens, closes = window
        last = self._closes[-1] if self._closes else None
        if closes <= opens or (last is not None and closes <= last):
            return
        if last is not None and opens <= last:
            self._closes[-1] = closes
            self._after[-1] += closes - last
            return
        before = self._after[-1] if self._after else 0
        self._opens.append(opens)
        self._closes.append(closes)
        self._before.append(before)
        self._after.append(before + closes - opens)


@lru_cache(maxsize=CALENDARS_MAX)
def _compiled(calendar: Calendar, first_year: int) -> WorkingTime:
    # A window of the days before may reach into the year.
    return WorkingTime(calendar, date(first_year, 1, 1) - timedelta(days=4))


def working_time(calendar: Calendar, start: int) -> WorkingTime:
    """Return the calendar compiled for the year of an instant; it is compiled once per process and year."""
    year = _year(start)
    if (time := calendar.compiled.get(year)) is None:
        time = calendar.compiled[year] = _compiled(calendar, year)
    return time


@lru_cache(maxsize=CALENDARS_MAX)
def _year_begins(year: int) -> int:
    return int(datetime(year, 1, 1, tzinfo=UTC).timestamp())


def _year(at: int) -> int:
    """Return the UTC year of an instant without a calendar library: it is within a year of the quotient."""
    year = 1970 + at // 31_556_952
    return year + (at >= _year_begins(year + 1)) - (at < _year_begins(year))


def merged(pauses: Iterable[Pause]) -> list[Pause]:
    """Return pauses as a sorted union without overlaps (C4); an open pause includes all later ones."""
    union: list[Pause] = []
    for pause in sorted(pauses, key=lambda pause: pause.begin):
        if union and (last_end := union[-1].end) is None:
            break
        if union and last_end is not None and pause.begin <= last_end:
            until = None if pause.end is None else max(pause.end, last_end)
            union[-1] = Pause(union[-1].begin, until)
        elif pause.end is None or pause.end > pause.begin:
            union.append(pause)
    return union


def due(calendar: Calendar, start: int, budget: int, pauses: Sequence[Pause] = ()) -> int | None:
    """Return the earliest instant at which `budget` working seconds have passed since `start`, pauses left out.

    It is None while an open pause runs that began before the budget was consumed (C10). `pauses` come from `merged`.
    """
    if budget == 0:
        return start
    time = working_time(calendar, start)
    wanted = time.consumed(start) + budget
    for pause in pauses:
        if pause.end is not None and pause.end <= start:
            continue
        begun = time.consumed(max(pause.begin, start))
        if begun >= wanted:
            break
        if pause.end is None:
            return None
        wanted += time.consumed(pause.end) - begun
    return time.reached(wanted)
