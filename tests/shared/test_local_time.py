"""One rule for the wall-clock times that clocks skip or show twice, held against a walk from minute to minute."""

import random
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from shared.local_time import day_start, instant_of, local_day, wall_clock
from tests.parts.zones import sampled

MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)


def meant(wall: datetime, zone: ZoneInfo, around: datetime) -> datetime:
    """The first instant that shows a wall-clock time; if none does, that of a clock that was not moved."""
    at, before = around - 3 * DAY, around - 3 * DAY
    while at < around + 4 * DAY:
        if (shown := wall_clock(at, zone)) == wall:
            return at
        if shown < wall:
            before = at
        elif before == at - MINUTE:
            # The clocks went past it: go on from the last time before as if they had not moved.
            return before + (wall - wall_clock(before, zone))
        at += MINUTE
    raise AssertionError("a wall-clock time is shown or skipped")


def test_a_time_means_the_instant_that_a_walk_over_the_minutes_finds(seeded: random.Random) -> None:
    for zone, day in sampled(seeded, 25):
        for _ in range(4):
            wall = wall_clock(day, zone).replace(second=0, microsecond=0) + seeded.randrange(2_880) * MINUTE
            assert instant_of(wall, zone) == meant(wall, zone, day), (zone.key, wall)


@pytest.mark.parametrize(
    ("zone", "wall", "instant"),
    [
        ("America/New_York", "2024-03-10T02:30", "2024-03-10T07:30Z"),
        ("America/New_York", "2024-11-03T01:30", "2024-11-03T05:30Z"),
        ("America/Sao_Paulo", "2018-11-04T00:00", "2018-11-04T03:00Z"),
        ("Pacific/Apia", "2011-12-30T09:00", "2011-12-30T19:00Z"),
        ("Australia/Lord_Howe", "2024-10-06T02:15", "2024-10-05T15:45Z"),
        ("Asia/Shanghai", "2026-03-10T09:00", "2026-03-10T01:00Z"),
    ],
)
def test_a_skipped_time_is_as_if_the_clocks_had_not_moved_and_a_doubled_one_is_the_first(
    zone: str, wall: str, instant: str
) -> None:
    meant_at = datetime.fromisoformat(instant)
    for fold in (0, 1):
        assert instant_of(datetime.fromisoformat(wall).replace(fold=fold), ZoneInfo(zone)) == meant_at


def test_a_day_begins_with_its_midnight(seeded: random.Random) -> None:
    assert day_start(date(2018, 11, 4), ZoneInfo("America/Sao_Paulo")) == datetime(2018, 11, 4, 3, tzinfo=UTC)
    for zone, day in sampled(seeded, 60):
        local = local_day(day, zone)
        begins = day_start(local, zone)
        skipped = local_day(begins - MINUTE, zone) == local_day(begins, zone) - 2 * DAY
        assert local_day(begins, zone) == local or skipped
