"""The life of points: when they can be spent, and when they expire (docs/rules/expiry.md)."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple, Protocol
from zoneinfo import ZoneInfo

from services.loyalty.ledger.domain import calendar
from services.loyalty.ledger.domain.calendar import CalendarPeriod
from services.loyalty.ledger.domain.programme import Expiry


class LifeTerms(Protocol):
    """The terms of a rule or a goal for the life of its points."""

    @property
    def available_after_days(self) -> int | None:
        """The calendar days until the points can be spent."""

    @property
    def available_from(self) -> datetime | None:
        """The instant before which the points cannot be spent."""

    @property
    def expires_after_months(self) -> int | None:
        """The calendar months that the points live."""

    @property
    def expires_until_end_of(self) -> CalendarPeriod | None:
        """The calendar period until whose end the points live on."""

    @property
    def never_expires(self) -> bool | None:
        """Whether the points live for ever, whatever the programme says."""


class Life(NamedTuple):
    """Points can be spent from `available_at` (None: at once) until `expires_at` (None: for ever); `slides`: activities move that."""

    available_at: datetime | None
    expires_at: datetime | None
    slides: bool


def life(terms: LifeTerms, at: datetime, zone: ZoneInfo, expiry: Expiry | None) -> Life:
    """Return the life of points that were earned at `at`; `expiry` is that of the programme, for rules that say nothing.

    Points that would expire before they can be spent have their whole life from then on.
    """
    available_at = None
    if terms.available_after_days is not None:
        available_at = calendar.plus_days(at, terms.available_after_days, zone)
    if terms.available_from is not None and terms.available_from > (available_at or at):
        available_at = terms.available_from
    expires_at = _expires(terms, at, zone, expiry)
    if expires_at is not None and available_at is not None and expires_at <= available_at:
        expires_at = _expires(terms, available_at, zone, expiry)
        if expires_at is not None and expires_at <= available_at:  # it can be spent at the end of its period
            expires_at = calendar.plus_days(available_at, 1, zone)
    slides = expires_at is not None and not _own(terms) and expiry is not None and bool(expiry.slides)
    return Life(available_at, expires_at, slides)


def _own(terms: LifeTerms) -> bool:
    """Return whether a rule says itself when its points expire."""
    return terms.expires_after_months is not None or terms.expires_until_end_of is not None


def _expires(terms: LifeTerms, at: datetime, zone: ZoneInfo, expiry: Expiry | None) -> datetime | None:
    if terms.never_expires:
        return None
    if not _own(terms):
        return None if expiry is None else expiry.after(at, zone)
    ends = calendar.plus_months(at, terms.expires_after_months or 0, zone)
    period = terms.expires_until_end_of
    if period is None:
        return ends
    end = calendar.period_end(ends, period, zone)
    return end if end > at else calendar.period_end(calendar.plus_days(at, 1, zone), period, zone)
