"""The work that a calendar brings: months end, and are closed."""

from __future__ import annotations

from services.loyalty.finance.queries.closing import next_closing
from services.loyalty.finance.usecases.close_month import close_month
from services.loyalty.ledger.queries.programme import programme_or_default
from services.loyalty.settings import Settings
from shared.context import Runtime

EVERY_SECONDS = 20.0
SHARE_MAX = 0.1


async def close_months(runtime: Runtime[Settings]) -> int:
    """Close the next month that has ended, if there is one; return how many were closed.

    It looks for the month outside of a transaction, because most often there is none. A run closes one month alone: a shop that has
    just been upgraded has years of them, and each is read among all postings.
    """
    async with runtime.database.read() as read:
        programme = await programme_or_default(read, runtime.context)
        closing = await next_closing(read, programme, runtime.clock.now())
    if closing is None:
        return 0
    async with runtime.database.begin() as tx:
        return int(await close_month(tx, programme, closing.month, closing.before))
