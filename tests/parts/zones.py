"""Zones whose clocks are moved, and the days on which that happens."""

import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import cache
from zoneinfo import ZoneInfo, available_timezones

MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)
ZONES = sorted(available_timezones() - {"localtime"})


@cache
def changes(zone: str) -> tuple[datetime, ...]:
    """The days (of UTC) on which the clocks of a zone were moved by whole minutes, from 1995 on."""
    days: list[datetime] = []
    day, information = datetime(1995, 1, 1, tzinfo=UTC), ZoneInfo(zone)
    offset = day.astimezone(information).utcoffset()
    while day.year < 2040:
        after = (day + DAY).astimezone(information).utcoffset()
        if offset != after:
            assert offset is not None
            assert after is not None
            if not (offset % MINUTE or after % MINUTE):
                days.append(day)
        day, offset = day + DAY, after
    return tuple(days)


def sampled(seeded: random.Random, count: int) -> Iterator[tuple[ZoneInfo, datetime]]:
    """Changes of the clocks of zones at random."""
    left = count
    while left:
        zone = seeded.choice(ZONES)
        if days := changes(zone):
            left -= 1
            yield ZoneInfo(zone), seeded.choice(days)
