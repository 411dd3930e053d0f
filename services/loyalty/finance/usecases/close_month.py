"""Close a month."""

from __future__ import annotations

from datetime import datetime

from services.loyalty.finance.domain.months import Month
from services.loyalty.finance.queries.month_flows import month_flows
from services.loyalty.finance.storage import months
from services.loyalty.finance.storage.tables import ClosedMonthRecord
from services.loyalty.ledger.domain.programme import PROGRAMME, Programme
from shared.db import Tx


async def close_month(tx: Tx, programme: Programme, month: Month, since: datetime | None) -> bool:
    """Add up what moved in a month, from the end of the month that was closed before (None: it is the first), and store it.

    Returns False if another process was faster.
    """
    record = ClosedMonthRecord(PROGRAMME, month.first, month.ends_at, tx.now)
    return await months.add(tx, record, await month_flows(tx, programme, month, since))
