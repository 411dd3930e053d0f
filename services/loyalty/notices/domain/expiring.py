"""Points that are about to expire: the windows of the lead times, and the points of each day (docs/rules/notices.md)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from services.loyalty.ledger.domain.programme import Programme
from services.loyalty.ledger.domain.wallets import Lot
from shared.local_time import day_start, wall_clock

_MOMENT = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Window:
    """Points that expire after `after` and up to `until` are told with this lead time."""

    lead_days: int
    after: datetime
    until: datetime


@dataclass(frozen=True, slots=True)
class ExpiringDay:
    """The points of one lead time whose last moment lies on one day of the programme's zone: after `from_at`, up to `until_at`.

    `expires_at` is when the first of them expire.
    """

    lead_days: int
    from_at: datetime
    until_at: datetime
    points: int
    expires_at: datetime


def windows(programme: Programme, now: datetime) -> list[Window]:
    """Return the windows of the lead times in force now, each of whole days. Points are told with the shortest lead time that they are within."""
    zone = programme.zone_info
    today = wall_clock(now, zone).date()
    notices = programme.at(now).notices
    found, after = list[Window](), now
    for lead_days in sorted(set(notices.points_expiring_days)) if notices is not None else ():
        until = day_start(today + timedelta(days=lead_days + 1), zone)
        found.append(Window(lead_days, after, until))
        after = until
    return found


def days(lots: Iterable[Lot], windows: Iterable[Window], zone: ZoneInfo) -> list[ExpiringDay]:
    """Return the points of these lots that expire within the windows, added up by lead time and day."""
    by_day: dict[tuple[int, datetime], list[Lot]] = {}
    spendable = [lot for lot in lots if lot.remaining and lot.expires_at is not None]
    for window in windows:
        for lot in spendable:
            if lot.expires_at is not None and window.after < lot.expires_at <= window.until:
                begin, _ = _bounds(lot.expires_at, zone)
                by_day.setdefault((window.lead_days, begin), []).append(lot)
    return [
        ExpiringDay(
            lead_days,
            *_bounds(min(ends := [lot.expires_at for lot in of_day if lot.expires_at is not None]), zone),
            points=sum(lot.remaining for lot in of_day),
            expires_at=min(ends),
        )
        for (lead_days, _), of_day in sorted(by_day.items(), key=lambda item: item[0])
    ]


def _bounds(expires_at: datetime, zone: ZoneInfo) -> tuple[datetime, datetime]:
    """Return the bounds of the day of the last moment before an expiry."""
    day = wall_clock(expires_at - _MOMENT, zone).date()
    return day_start(day, zone), day_start(day + timedelta(days=1), zone)
