"""Find what members had at the begin of each month, what moved, and what they have at its end."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from services.loyalty.finance.domain.liability import values_of
from services.loyalty.finance.domain.months import Month, later, months_of
from services.loyalty.finance.domain.movements import RollForward, roll_forward
from services.loyalty.finance.queries.closing import is_final
from services.loyalty.finance.storage import months
from services.loyalty.finance.storage.tables import MonthFlowRecord
from services.loyalty.ledger.domain.programme import Programme
from services.loyalty.ledger.domain.sums import Flow
from services.loyalty.ledger.queries import sums
from services.loyalty.ledger.queries.books_at import flows_between
from shared.db import Read


@dataclass(frozen=True, slots=True)
class MonthRolled:
    """A month with its roll-forward, up to its end or up to now."""

    month: Month
    until: datetime
    is_closed: bool
    """Whether nothing can be booked in it any more."""
    rolled: RollForward
    closing_value_minor: int | None


async def find_roll_forward(
    read: Read, programme: Programme, first: date, last: date, now: datetime
) -> list[MonthRolled]:
    """Return the roll-forward of each month from one to another; the last of them has begun.

    Closed months are read, the others are added up. A month before the first booking is closed an hour after its end like all others.
    """
    last_closed = await months.last_closed(read)
    stored = await months.flows(read, until=last) if last_closed is not None else []
    after_id = 0 if last_closed is None else last_closed.last_posting_id
    begun_at = await sums.first_booked(read) if last_closed is None else None
    wanted = list(months_of(first, last, programme.zone_info))
    before = [_flow(record) for record in stored if record.month < first]
    if last_closed is None or last_closed.month < later(first, -1):
        since = None if last_closed is None else last_closed.ends_at
        before += await flows_between(read, since, wanted[0].begins_at, (), after_id=after_id)
    opening = roll_forward(0, before).closing
    rolled: list[MonthRolled] = []
    for month in wanted:
        until = min(month.ends_at, now)
        is_stored = last_closed is not None and month.first <= last_closed.month
        is_empty = last_closed is None and (begun_at is None or month.ends_at <= begun_at)
        if is_stored:
            flows: Sequence[Flow] = _of_month(stored, month.first)
        else:
            flows = await flows_between(read, month.begins_at, until, (), after_id=after_id)
        movements = roll_forward(opening, flows)
        opening = movements.closing
        (value,) = values_of(programme.at(until).points_value, [opening])
        is_closed = is_stored or (is_empty and is_final(month.ends_at, now))
        rolled.append(MonthRolled(month, until, is_closed, movements, value))
    return rolled


def _of_month(records: Iterable[MonthFlowRecord], month: date) -> list[Flow]:
    return [_flow(record) for record in records if record.month == month]


def _flow(record: MonthFlowRecord) -> Flow:
    return Flow(0, bool(record.expires), record.from_account, record.to_account, record.points)
