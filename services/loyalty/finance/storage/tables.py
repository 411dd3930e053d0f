"""The tables of closed months: the movements of each are kept, so that nobody has to add up its postings again."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import Column, Date, MetaData, Named, SmallInteger, Table, TypedColumns

from shared.db import record_of
from shared.db.schema import INDEX_NAMES
from shared.db.types import BigInt, Instant

metadata = MetaData(naming_convention=INDEX_NAMES)


class ClosedMonthColumns(TypedColumns):
    """The table of closed months: no transaction that books into one of them can still be open."""

    programme_id: Named[int] = Column(SmallInteger, primary_key=True, autoincrement=False)
    month: Named[date] = Column(Date, primary_key=True)
    """Its first day."""
    ends_at: Named[datetime] = Column(Instant)
    last_posting_id: Named[int] = Column(BigInt)
    """All postings that are booked after the month have greater ids, so that nobody looks for them among all others."""
    closed_at: Named[datetime] = Column(Instant)


closed_month = Table("closed_month", metadata, ClosedMonthColumns)


@record_of(closed_month)
@dataclass(frozen=True, slots=True)
class ClosedMonthRecord:
    """A month whose movements are added up."""

    programme_id: int
    month: date
    ends_at: datetime
    last_posting_id: int
    closed_at: datetime


class MonthFlowColumns(TypedColumns):
    """The table of movements of closed months, by the month in which the points were earned."""

    programme_id: Named[int] = Column(SmallInteger, primary_key=True, autoincrement=False)
    month: Named[date] = Column(Date, primary_key=True)
    cohort: Named[date] = Column(Date, primary_key=True)
    """The first day of the month in which the points were earned."""
    expires: Named[int] = Column(SmallInteger, primary_key=True, autoincrement=False)
    """1: the points have a last day; 0: they have none."""
    from_account: Named[int] = Column(SmallInteger, primary_key=True, autoincrement=False)
    to_account: Named[int] = Column(SmallInteger, primary_key=True, autoincrement=False)
    points: Named[int] = Column(BigInt)


month_flow = Table("month_flow", metadata, MonthFlowColumns)


@record_of(month_flow)
@dataclass(frozen=True, slots=True)
class MonthFlowRecord:
    """Points that moved between two accounts in a closed month."""

    programme_id: int
    month: date
    cohort: date
    expires: int
    from_account: int
    to_account: int
    points: int
