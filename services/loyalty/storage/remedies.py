"""Remedies: what was paid or refused, once a remedy."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select

from services.loyalty.storage.tables import remedy
from shared.db import Read, Tx, any_of


@dataclass(frozen=True, slots=True)
class Answered:
    """How a remedy was answered; `refusal` None: it was paid."""

    row_id: int
    points: int
    refusal: str | None


async def answered(read: Read, remedy_ids: Sequence[str]) -> dict[str, Answered]:
    """The remedies that have an answer."""
    c = remedy.c
    rows = await read.all(
        select(c.remedy_id, c.id, c.points, c.refusal).where(any_of(c.remedy_id, remedy_ids))
    )
    return {row[0]: Answered(*row[1:]) for row in rows}


async def add(tx: Tx, rows: Sequence[dict[str, Any]]) -> None:
    """Store answers."""
    await tx.insert_many(remedy, rows)
