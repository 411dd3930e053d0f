"""Months and days of a programme are those of its zone (I9)."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from services.loyalty.ledger.domain import calendar

NEW_YORK = ZoneInfo("America/New_York")


def test_a_year_later_is_the_same_wall_clock_time() -> None:
    instant = datetime(2025, 3, 20, 13, 30, tzinfo=UTC)  # 09:30 in summer time

    assert calendar.plus_months(instant, 12, NEW_YORK) == datetime(2026, 3, 20, 13, 30, tzinfo=UTC)
    assert calendar.plus_months(instant, 8, NEW_YORK) == datetime(2025, 11, 20, 14, 30, tzinfo=UTC)


def test_a_year_after_29_february_begins_1_march() -> None:
    instant = datetime(2024, 2, 29, 18, 0, tzinfo=UTC)

    assert calendar.plus_months(instant, 12, ZoneInfo("UTC")) == datetime(2025, 3, 1, tzinfo=UTC)


def test_days_are_calendar_days_across_a_change_of_the_clocks() -> None:
    saturday = datetime(2026, 3, 7, 17, 0, tzinfo=UTC)  # noon; the clocks go forward that night

    assert calendar.plus_days(saturday, 1, NEW_YORK) - saturday == timedelta(hours=23)


def test_a_time_that_a_day_shows_twice_means_its_first_occurrence() -> None:
    second = datetime(2024, 10, 4, 6, 30, tzinfo=UTC) + timedelta(days=30)  # the second 01:30 of 3 November
    doubled = datetime(2024, 11, 2, 5, 30, tzinfo=UTC)

    assert calendar.plus_days(doubled, 1, NEW_YORK) == datetime(2024, 11, 3, 5, 30, tzinfo=UTC)
    assert calendar.plus_days(second, 1, NEW_YORK) == datetime(2024, 11, 4, 6, 30, tzinfo=UTC)
    # Both 01:30 of that day mean the same instant of a day that the clocks skip or show twice.
    for first_or_second in (second, second - timedelta(hours=1)):
        assert calendar.plus_days(first_or_second, 0, NEW_YORK) == second - timedelta(hours=1)


@given(st.integers(0, 40_000), st.integers(1, 60))
def test_later_instants_never_end_earlier(days: int, months: int) -> None:
    instant = datetime(1992, 1, 1, tzinfo=UTC) + timedelta(days=days)
    shanghai = ZoneInfo("Asia/Shanghai")

    ends = [
        calendar.plus_months(instant + timedelta(hours=hours), months, shanghai) for hours in range(0, 72, 6)
    ]

    assert ends == sorted(ends)
