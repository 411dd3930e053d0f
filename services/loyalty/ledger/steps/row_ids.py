"""Ids for rows of facts that move no points. They come from the same sequence as those of the ledger."""

from __future__ import annotations

from services.loyalty.ledger.storage import ids
from shared.db import Tx


async def reserve_ids(tx: Tx, count: int) -> list[int]:
    """Return so many new ids, rising."""
    reserved = await ids.reserve(tx, count)
    return [reserved.next() for _ in range(count)]
