"""Windows of time: a condition on the instant of an order or an activity, by days that come again and hours of these days in a zone."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from functools import lru_cache
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

from pydantic import Field, StringConstraints

from services.loyalty.earning.domain import recurrence
from services.loyalty.earning.domain.recurrence import Recurrence
from services.loyalty.ledger.domain.documents import Part
from shared.local_time import instant_of, local_day

RRULE_MAX = 500
ZONE_MAX = 64
SPANS_CACHED = 10_000
"""Days of windows whose spans are kept: a year and more of twenty windows."""
_DAY = timedelta(days=1)

Clock = Annotated[str, StringConstraints(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$")]


class During(Part):
    """True of orders and activities that happen in a window of time that comes again.

    The window opens on each day of `rrule`, from `dtstart` on, at `from_time`, and closes at `to_time`: on the next day if that is not later.
    """

    op: Literal["during"]
    rrule: Annotated[
        str,
        Field(
            min_length=1,
            max_length=RRULE_MAX,
            description="The days, as RFC 5545 writes them: `FREQ` (DAILY, WEEKLY, MONTHLY, YEARLY), `INTERVAL`, `BYDAY` (with ordinals if monthly), `BYMONTHDAY`, `BYMONTH`, "
            "and `UNTIL`, a date such as `20261231`.",
        ),
    ]
    dtstart: Annotated[date, Field(description="The first day.")]
    from_time: Annotated[Clock, Field(description="When it opens, by default at midnight.")] = "00:00"
    to_time: Annotated[Clock, Field(description="When it closes, by default at the next midnight.")] = "00:00"
    zone: Annotated[
        str,
        Field(
            min_length=1,
            max_length=ZONE_MAX,
            description="The IANA zone whose calendar and clocks it follows.",
        ),
    ]


def contains(window: During, instant: datetime) -> bool:
    """Return whether an instant lies in a window. Its zone and its days were checked when the document was read."""
    return any(begins <= instant < ends for begins, ends in _spans(window, instant))


def next_change(window: During, instant: datetime) -> datetime | None:
    """Return the next instant, within about a day, at which a window opens or closes; None: there is none."""
    ends = (end for span in _spans(window, instant) for end in span if end > instant)
    return min(ends, default=None)


def _spans(window: During, instant: datetime) -> Iterator[tuple[datetime, datetime]]:
    """Yield the spans of a window that may lie around an instant: a span ends on the day after its own at the latest."""
    today = local_day(instant, ZoneInfo(window.zone))
    for days in (-1, 0, 1):
        span = _span(window, today + days * _DAY)
        if span is not None:
            yield span


@lru_cache(SPANS_CACHED)
def _span(window: During, day: date) -> tuple[datetime, datetime] | None:
    """Return the half-open span of instants in which a window is open on a day; None: it does not open."""
    if not _recurrence(window.rrule, window.dtstart).has(day, window.dtstart):
        return None
    zone, opens, closes = (
        ZoneInfo(window.zone),
        time.fromisoformat(window.from_time),
        time.fromisoformat(window.to_time),
    )
    last = day if opens < closes else day + _DAY
    return instant_of(datetime.combine(day, opens), zone), instant_of(datetime.combine(last, closes), zone)


@lru_cache(SPANS_CACHED)
def _recurrence(rrule: str, first: date) -> Recurrence:
    found = recurrence.read(rrule)
    assert found is not None, "a rule that cannot be read is refused with its document"
    return found.from_day(first)
