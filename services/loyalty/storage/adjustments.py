"""Adjustments: what was corrected by hand."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select

from services.loyalty.storage.tables import adjustment
from shared.db import Read, Tx


async def by_key(read: Read, key: bytes) -> int | None:
    """The row id of the adjustment made under this key; None if there is none."""
    return await read.scalar(select(adjustment.c.id).where(adjustment.c.key == key))


async def add(tx: Tx, row: dict[str, Any]) -> None:
    """Store an adjustment."""
    await tx.insert_many(adjustment, [row])
