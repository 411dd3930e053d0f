"""The statements on adjustments."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import func, select

from services.loyalty.ledger.storage.tables import AdjustmentRecord, adjustment
from shared.db import Read, Slice, Sorts, Tx, any_of, columns_of

SORTS = Sorts(occurred_at=(adjustment.c.id,))
"""The ids of one member rise with time."""


async def exists(read: Read, key: bytes) -> bool:
    """Return whether an adjustment was made under this key."""
    return await read.scalar(select(adjustment.c.id).where(adjustment.c.key == key)) is not None


async def page(read: Read, wallet_ids: Sequence[int], asked: Slice) -> list[AdjustmentRecord]:
    """Return a page of the adjustments of these wallets."""
    c = adjustment.c
    statement = select(*columns_of(adjustment, AdjustmentRecord)).where(any_of(c.wallet_id, wallet_ids))
    return await read.read_records(AdjustmentRecord, SORTS.page(statement, asked))


async def by_ids(read: Read, row_ids: Sequence[int]) -> list[AdjustmentRecord]:
    """Return the adjustments with these ids."""
    statement = select(*columns_of(adjustment, AdjustmentRecord)).where(any_of(adjustment.c.id, row_ids))
    return await read.read_records(AdjustmentRecord, statement)


async def points_by(read: Read, actor: str, since: datetime) -> int:
    """Return the points that this operator alone has added or taken away since an instant, both counted as positive."""
    moved = select(func.sum(func.abs(adjustment.c.points))).where(
        adjustment.c.actor == actor, adjustment.c.occurred_at >= since, adjustment.c.approved_by.is_(None)
    )
    return int(await read.scalar(moved) or 0)


async def add(tx: Tx, record: AdjustmentRecord) -> None:
    """Store an adjustment."""
    await tx.insert_records(adjustment, [record])
