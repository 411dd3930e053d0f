"""The statements on closed months."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from sqlalchemy import select

from services.loyalty.finance.storage.tables import (
    ClosedMonthRecord,
    MonthFlowRecord,
    closed_month,
    month_flow,
)
from services.loyalty.ledger.domain.programme import PROGRAMME
from shared.db import Read, Tx, columns_of

_CLOSED = select(*columns_of(closed_month, ClosedMonthRecord)).where(closed_month.c.programme_id == PROGRAMME)
_FLOWS = select(*columns_of(month_flow, MonthFlowRecord)).where(month_flow.c.programme_id == PROGRAMME)


async def last_closed(read: Read) -> ClosedMonthRecord | None:
    """Return the last closed month; None if there is none."""
    return await read.read_record(ClosedMonthRecord, _CLOSED.order_by(closed_month.c.month.desc()).limit(1))


async def closed(read: Read) -> list[ClosedMonthRecord]:
    """Return all closed months, in order."""
    return await read.read_records(ClosedMonthRecord, _CLOSED.order_by(closed_month.c.month))


async def flows(read: Read, *, until: date) -> list[MonthFlowRecord]:
    """Return the movements of all closed months up to a month, itself too."""
    return await read.read_records(MonthFlowRecord, _FLOWS.where(month_flow.c.month <= until))


async def flows_of(read: Read, month: date) -> list[MonthFlowRecord]:
    """Return the movements of a closed month."""
    return await read.read_records(MonthFlowRecord, _FLOWS.where(month_flow.c.month == month))


async def add(tx: Tx, record: ClosedMonthRecord, flows: Sequence[MonthFlowRecord]) -> bool:
    """Store a closed month and its movements; return False if another process has."""
    if not await tx.insert_new_records(closed_month, [record]):
        return False
    await tx.insert_records(month_flow, flows)
    return True
