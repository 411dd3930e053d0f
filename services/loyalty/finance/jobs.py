"""The work that a calendar brings: months end, and are closed."""

from __future__ import annotations

from services.loyalty.finance.queries.closing import next_closing
from services.loyalty.finance.usecases.close_month import close_month
from services.loyalty.ledger.queries.programme import programme_or_default
from services.loyalty.settings import Settings
from shared.context import Runtime

EVERY_SECONDS = 60.0
SHARE_MAX = 0.2
MONTHS_AT_ONCE = 12
"""Months that one run closes. A shop that has just been upgraded has years of them."""


async def close_months(runtime: Runtime[Settings]) -> int:
    """Close the months that have ended, one per transaction; return how many.

    It looks for them outside of a transaction, because most often there is none.
    """
    for closed in range(MONTHS_AT_ONCE):
        async with runtime.database.read() as read:
            programme = await programme_or_default(read, runtime.context)
            closing = await next_closing(read, programme, runtime.clock.now())
        if closing is None:
            return closed
        async with runtime.database.begin() as tx:
            await close_month(tx, programme, closing.month, closing.since)
    return MONTHS_AT_ONCE
