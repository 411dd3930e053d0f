"""Ownership: every change of an identity's owner, so that the past can be asked for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from services.loyalty.storage.tables import ownership
from shared.db import Tx


async def add(tx: Tx, rows: Sequence[dict[str, Any]]) -> None:
    """Store changes of ownership."""
    await tx.insert_many(ownership, rows)
