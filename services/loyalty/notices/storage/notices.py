"""The statements on notices."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, exists, not_, select

from services.loyalty.ledger.queries.lots import expiring_wallet
from services.loyalty.notices.storage.tables import POINTS_EXPIRING, NoticeRecord, notice
from shared.db import Read, Tx, any_of, columns_of

_c = notice.c


async def add(tx: Tx, records: Sequence[NoticeRecord]) -> set[int]:
    """Store notices, and return the ids of those that were not told before."""
    new = await tx.insert_new_records(notice, records, returning=[_c.id])
    return {row_id for (row_id,) in new}


async def of_wallets(read: Read, wallet_ids: Sequence[int]) -> list[NoticeRecord]:
    """Return the notices of these wallets."""
    statement = select(*columns_of(notice, NoticeRecord)).where(any_of(_c.wallet_id, wallet_ids))
    return await read.read_records(NoticeRecord, statement.order_by(_c.id))


async def identities_with_untold(
    read: Read, lead_days: int, after: datetime, until: datetime, limit: int
) -> list[str]:
    """Return identities with points that expire after `after` and up to `until`, of a day that was not told with this lead time."""

    def untold(
        wallet_id: ColumnElement[int], expires_at: ColumnElement[datetime | None]
    ) -> ColumnElement[bool]:
        told = select(_c.id).where(
            *(_c.wallet_id == wallet_id, _c.kind == POINTS_EXPIRING, _c.lead_days == lead_days),
            *(_c.from_at < expires_at, expires_at <= _c.until_at),
        )
        return not_(exists(told))

    return await expiring_wallet(read, after, until, untold, limit)


RECORDS = select(_c.id, _c.points, _c.lead_days)
"""Each notice with what its event says of it."""
