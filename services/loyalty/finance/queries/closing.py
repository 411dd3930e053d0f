"""Find the month that is to be closed next."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from services.loyalty.finance.domain.months import Month, first_day, later, month_of
from services.loyalty.finance.storage import months
from services.loyalty.finance.storage.tables import ClosedMonthRecord
from services.loyalty.ledger.domain.programme import Programme
from services.loyalty.ledger.queries import sums
from shared.db import Read

FINAL_AFTER = timedelta(hours=1)
"""No transaction is open for so long, and no clock is so much behind. What was booked up to an instant is known then."""


@dataclass(frozen=True, slots=True)
class Closing:
    """A month that can be closed, and the one before it (None: it is the first)."""

    month: Month
    before: ClosedMonthRecord | None


async def next_closing(read: Read, programme: Programme, now: datetime) -> Closing | None:
    """Return the earliest month that is not closed, if nothing can be booked in it any more; None otherwise."""
    last = await months.last_closed(read)
    zone = programme.zone_info
    if last is not None:
        month = month_of(later(last.month, 1), zone)
    else:
        begun_at = await sums.first_booked(read)
        if begun_at is None:
            return None
        month = month_of(first_day(begun_at, zone), zone)
    if not is_final(month.ends_at, now) or await sums.is_due(read, month.ends_at):
        return None
    return Closing(month, last)


def is_final(at: datetime, now: datetime) -> bool:
    """Return whether nothing can be booked any more that counts at an instant."""
    return at + FINAL_AFTER <= now
