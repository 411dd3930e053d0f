"""Close a month."""

from __future__ import annotations

from services.loyalty.finance.domain.months import Month
from services.loyalty.finance.queries.month_flows import month_flows
from services.loyalty.finance.storage import months
from services.loyalty.finance.storage.tables import ClosedMonthRecord
from services.loyalty.ledger.domain.programme import PROGRAMME, Programme
from services.loyalty.ledger.queries import sums
from shared.db import Tx


async def close_month(tx: Tx, programme: Programme, month: Month, before: ClosedMonthRecord | None) -> bool:
    """Add up what moved in a month, after the one that was closed before (None: it is the first), and store it.

    Returns False if another process was faster.
    """
    last_id = await sums.last_id_up_to(tx, month.ends_at)
    flows = await month_flows(tx, programme, month, before)
    return await months.add(
        tx, ClosedMonthRecord(PROGRAMME, month.first, month.ends_at, last_id, tx.now), flows
    )
