"""Add up what moved in a month."""

from __future__ import annotations

from services.loyalty.finance.domain.months import Cohorts, Month
from services.loyalty.finance.storage.tables import ClosedMonthRecord, MonthFlowRecord
from services.loyalty.ledger.domain.programme import PROGRAMME, Programme
from services.loyalty.ledger.queries.books_at import flows_between
from shared.db import Read


async def month_flows(
    read: Read, programme: Programme, month: Month, before: ClosedMonthRecord | None
) -> list[MonthFlowRecord]:
    """Return the movements of a month by cohort, in the order of their keys. `before`: the month before it (None: it is the first)."""
    cohorts = Cohorts.up_to(month.ends_at, programme.zone_info)
    since, after_id = (None, 0) if before is None else (before.ends_at, before.last_posting_id)
    sums: dict[tuple[int, int, int, int], int] = {}
    flows = await flows_between(read, since, month.ends_at, cohorts.edges, after_id=after_id)
    for flow in flows:  # what was settled in memory comes posting by posting
        key = flow.cohort, int(flow.expires), flow.from_account, flow.to_account
        sums[key] = sums.get(key, 0) + flow.points
    return [
        MonthFlowRecord(PROGRAMME, month.first, cohorts.month(cohort), expires, source, target, points)
        for (cohort, expires, source, target), points in sorted(sums.items())
    ]
