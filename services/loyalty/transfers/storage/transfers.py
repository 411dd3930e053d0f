"""The statements on transfers."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import func, select

from services.loyalty.transfers.storage.tables import TransferRecord, transfer
from shared.db import Read, Tx, any_of, columns_of

_SELECT = select(*columns_of(transfer, TransferRecord))


async def exists(read: Read, key: bytes) -> bool:
    """Return whether a transfer was made under this key."""
    return await read.scalar(select(transfer.c.id).where(transfer.c.key == key)) is not None


async def given_since(read: Read, wallet_ids: Sequence[int], since: datetime) -> int:
    """Return the points that the identities of these wallets gave from an instant on."""
    c = transfer.c
    summed = select(func.coalesce(func.sum(c.points), 0))
    return int(await read.scalar(summed.where(any_of(c.wallet_id, wallet_ids), c.occurred_at >= since)) or 0)


async def by_ids(read: Read, row_ids: Sequence[int]) -> list[TransferRecord]:
    """Return the transfers with these row ids."""
    return await read.read_records(TransferRecord, _SELECT.where(any_of(transfer.c.id, row_ids)))


async def of_wallets(read: Read, wallet_ids: Sequence[int]) -> list[TransferRecord]:
    """Return the transfers that the identities of these wallets made."""
    return await read.read_records(TransferRecord, _SELECT.where(any_of(transfer.c.wallet_id, wallet_ids)))


async def add(tx: Tx, record: TransferRecord) -> None:
    """Store a transfer."""
    await tx.insert_records(transfer, [record])
