"""The statements on opening balances."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import select

from services.loyalty.openings.storage.tables import OpeningRecord, opening
from shared.db import Read, Tx, any_of, columns_of

_SELECT = select(*columns_of(opening, OpeningRecord))


async def by_keys(read: Read, keys: Sequence[bytes]) -> dict[bytes, OpeningRecord]:
    """Return the opening balances with these natural keys, by key."""
    records = await read.read_records(OpeningRecord, _SELECT.where(any_of(opening.c.key, sorted(set(keys)))))
    return {record.key: record for record in records}


async def by_ids(read: Read, row_ids: Sequence[int]) -> list[OpeningRecord]:
    """Return the opening balances with these row ids."""
    return await read.read_records(OpeningRecord, _SELECT.where(any_of(opening.c.id, row_ids)))


async def of_wallets(read: Read, wallet_ids: Sequence[int]) -> list[OpeningRecord]:
    """Return the opening balances of these wallets."""
    return await read.read_records(OpeningRecord, _SELECT.where(any_of(opening.c.wallet_id, wallet_ids)))


async def add(tx: Tx, records: Sequence[OpeningRecord]) -> None:
    """Store opening balances."""
    await tx.insert_records(opening, records)
