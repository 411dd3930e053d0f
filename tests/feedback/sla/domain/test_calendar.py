"""Working time: the collected cases, and what holds for any calendar and any clock."""

import json
import random
from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from services.feedback.sla.domain.calendar import (
    DAY,
    Calendar,
    Pause,
    Window,
    Windows,
    due,
    merged,
    working_time,
)
from services.feedback.sla.refusals import CalendarWithoutTime, WindowInvalid, ZoneUnknown
from shared.local_time import instant_of, local_day
from tests.parts.zones import sampled

CASES = json.loads((Path(__file__).parents[3] / "data" / "sla" / "cases.json").read_text())["cases"]
ALWAYS: tuple[Windows, ...] = ((Window(0, DAY),),) * 7
OFFICE: tuple[Windows, ...] = ((Window(9 * 3600, 18 * 3600),),) * 5 + ((), ())


def at(text: str) -> int:
    return int(datetime.fromisoformat(text).timestamp())


def calendar_of(case: dict[str, Any]) -> Calendar:
    windows = {
        int(day): tuple(Window(opens, closes) for opens, closes in spans)
        for day, spans in case["week"].items()
    }
    return Calendar(
        id="case",
        version=1,
        zone=case["tz"],
        week=tuple(windows.get(day, ()) for day in range(7)),
        exceptions=exceptions(
            (date.fromisoformat(day) for day in case["holidays"]),
            (
                (date.fromisoformat(day), [Window(opens, closes) for opens, closes in spans])
                for day, spans in case["extra"].items()
            ),
        ),
    )


@pytest.mark.parametrize("case", CASES, ids=[case["id"] for case in CASES])
def test_every_collected_case_comes_out_as_recomputed(case: dict[str, Any]) -> None:
    pauses = merged([Pause(at(begin), at(end)) for begin, end in case["pauses"]])
    if case["fn"] == "due":
        assert due(calendar_of(case), at(case["start"]), case["budget_s"], pauses) == at(case["expected"])
    else:
        assert elapsed(calendar_of(case), at(case["start"]), at(case["end"]), pauses) == case["expected"]


def test_there_are_34_cases() -> None:
    assert len(CASES) == 34


def test_the_due_time_is_the_earliest_instant_at_which_the_budget_is_consumed() -> None:
    random_ = random.Random(20261121)
    calendars = [calendar_of(case) for case in CASES]
    for _ in range(20_000):
        calendar = random_.choice(calendars)
        start = random_.randrange(at("2023-01-01T00:00:00Z"), at("2027-01-01T00:00:00Z"))
        budget = random_.choice([1, 60, 3600, random_.randrange(1, 400_000)])
        edges = sorted(start + random_.randrange(-10_000, 500_000) for _ in range(2 * random_.randrange(4)))
        pauses: list[Pause] = merged(Pause(begin, end) for begin, end in list(pairwise(edges))[::2])
        reached = due(calendar, start, budget, pauses)
        assert reached is not None
        assert elapsed(calendar, start, reached, pauses) == budget, (calendar, start, budget, pauses)
        assert elapsed(calendar, start, reached - 1, pauses) < budget, (calendar, start, budget, pauses)


def test_a_window_that_the_clocks_skip_swallows_nothing_of_the_next() -> None:
    gap = (Window(2 * 3600 + 1800, 2 * 3600 + 2700), Window(3 * 3600, 4 * 3600))
    calendar = Calendar("night", 1, "America/New_York", (gap,) * 7)
    # Thirty minutes are left of the windows of the ninth, and 03:00 on the tenth is at 07:00Z.
    assert due(calendar, at("2024-03-09T08:30:00Z"), 3600) == at("2024-03-10T07:30:00Z")
    assert due(calendar, at("2024-03-10T06:59:00Z"), 3600) == at("2024-03-10T08:00:00Z")


def test_a_day_that_a_zone_skips_shares_the_hours_of_the_next() -> None:
    friday, saturday = (Window(12 * 3600, 18 * 3600),), (Window(9 * 3600, 13 * 3600),)
    calendar = Calendar("apia", 1, "Pacific/Apia", ((), (), (), (), friday, saturday, ()))
    # The thirtieth of December 2011 was skipped: both are hours of the thirty-first, from 09:00 to 18:00.
    assert due(calendar, at("2011-12-30T10:00:00Z"), 9 * 3600) == at("2011-12-31T04:00:00Z")


def test_working_time_is_the_minutes_of_the_windows_at_every_change_of_the_clocks(
    seeded: random.Random,
) -> None:
    for zone, day in sampled(seeded, 60):
        local = local_day(day, zone)
        windows = tuple(
            Window(opens := seeded.randrange(0, 1_440) * 60, opens + seeded.randrange(1, 1_441) * 60)
            for _ in range(seeded.randrange(1, 5))
        )
        if seeded.random() < 0.5:  # windows close to midnight and to the usual hours of a change
            windows = tuple(
                Window(window.opens % (4 * 3600), window.opens % (4 * 3600) + 900) for window in windows
            )
        calendar = Calendar("any", 1, zone.key, (windows,) * 7)
        working = minutes_of(windows, local, zone)
        middle = int(day.timestamp()) // 60
        for _ in range(5):
            begin, end = sorted(middle + seeded.randrange(-1_440, 2_880) for _ in range(2))
            worked = sum(minute in working for minute in range(begin, end))
            assert elapsed(calendar, begin * 60, end * 60) == worked * 60, (zone.key, day, windows)


def minutes_of(windows: Windows, day: date, zone: ZoneInfo) -> set[int]:
    """Return the minutes since 1970 that lie in one of the windows on a day or on the days around it."""
    minutes: set[int] = set()
    for days in range(-4, 5):
        midnight = datetime.combine(day + timedelta(days=days), datetime.min.time())
        for window in windows:
            opens, closes = (instant_of(midnight + timedelta(seconds=edge), zone) for edge in window)
            minutes.update(range(int(opens.timestamp()) // 60, int(closes.timestamp()) // 60))
    return minutes


def test_pauses_are_a_union_and_an_open_one_has_no_end() -> None:
    assert merged([Pause(5, 7), Pause(1, 3), Pause(2, 4), Pause(9, 9)]) == [(1, 4), (5, 7)]
    assert merged([Pause(1, 3), Pause(2, None), Pause(9, 10)]) == [(1, None)]


def test_there_is_no_due_time_while_a_pause_runs_that_began_before_the_budget_was_consumed() -> None:
    office = Calendar("office", 1, "UTC", OFFICE)
    start = at("2026-03-02T09:00:00Z")
    assert due(office, start, 3600, [Pause(at("2026-03-02T09:30:00Z"), None)]) is None


def test_a_budget_consumed_exactly_when_a_pause_begins_is_due_then() -> None:
    office = Calendar("office", 1, "UTC", OFFICE)
    start = at("2026-03-02T09:00:00Z")
    assert due(office, start, 3600, [Pause(at("2026-03-02T10:00:00Z"), None)]) == at("2026-03-02T10:00:00Z")


def test_a_budget_of_nothing_is_due_at_the_start_also_at_night() -> None:
    start = at("2026-03-01T03:00:00Z")
    assert due(Calendar("office", 1, "UTC", OFFICE), start, 0) == start


def test_a_year_without_data_is_computed_by_the_week_and_marked_estimated() -> None:
    office = Calendar("cn", 1, "Asia/Shanghai", OFFICE, estimated_from=date(2027, 1, 1))
    reached = due(office, at("2026-12-31T09:00:00Z"), 7200)
    assert reached == at("2027-01-01T02:00:00Z")
    assert office.is_estimated(reached)
    assert not office.is_estimated(at("2026-12-31T09:00:00Z"))


def test_a_calendar_without_working_time_is_refused() -> None:
    with pytest.raises(CalendarWithoutTime):
        Calendar("none", 1, "UTC", ((),) * 7, exceptions=((date(2026, 1, 1), (Window(0, DAY),)),))


@pytest.mark.parametrize("window", [(5, 5), (6, 5), (-1, 5), (DAY, DAY + 1), (0, 2 * DAY + 1)])
def test_a_window_that_is_none_is_refused(window: tuple[int, int]) -> None:
    with pytest.raises(WindowInvalid):
        Calendar("odd", 1, "UTC", ((Window(*window),),) + ((),) * 6)


def test_an_unknown_zone_is_refused() -> None:
    with pytest.raises(ZoneUnknown):
        Calendar("odd", 1, "Mars/Olympus", ALWAYS)


def test_a_clock_that_outlives_the_compiled_year_goes_on() -> None:
    always = Calendar("24x7", 1, "UTC", ALWAYS)
    start = int(datetime(2026, 6, 1, tzinfo=UTC).timestamp())
    assert due(always, start, 5 * 366 * DAY) == start + 5 * 366 * DAY


def exceptions(
    holidays: Iterable[date], opening_hours: Iterable[tuple[date, Sequence[Window]]]
) -> tuple[tuple[date, Windows], ...]:
    """Return holidays and dated opening hours as one list; opening hours replace holidays, both the week (C8)."""
    days: dict[date, Windows] = dict.fromkeys(holidays, ())
    days.update((day, tuple(windows)) for day, windows in opening_hours)
    return tuple(sorted(days.items()))


def elapsed(calendar: Calendar, start: int, end: int, pauses: Sequence[Pause] = ()) -> int:
    """Return the working seconds between two instants, pauses left out; an open pause lasts until `end`."""
    time = working_time(calendar, start)
    paused = sum(
        time.consumed(min(end, until if until is not None else end)) - time.consumed(max(start, begin))
        for begin, until in pauses
        if begin < end and (until is None or until > start)
    )
    return time.consumed(end) - time.consumed(start) - paused
