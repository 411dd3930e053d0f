"""The statements on remedies."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import select

from services.loyalty.remedies.storage.tables import RemedyRecord, remedy
from shared.db import Read, Slice, Tx, any_of, columns_of, in_order

ANSWERED = select(remedy.c.remedy_id, remedy.c.points)
REFUSED = select(remedy.c.remedy_id).where(remedy.c.refusal.is_not(None))
"""The answers of which each has its grant, and the refusals of which each has its event."""


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer to a remedy; `refusal` None: it was credited."""

    id: int
    remedy_id: str
    points: int
    refusal: str | None


async def answered(read: Read, remedy_ids: Sequence[str]) -> dict[str, Answer]:
    """Return the answers to those of these remedies that have one, by remedy id."""
    statement = select(*columns_of(remedy, Answer)).where(any_of(remedy.c.remedy_id, remedy_ids))
    return {answer.remedy_id: answer for answer in await read.read_records(Answer, statement)}


async def wallet_of_remedy(read: Read, remedy_id: str) -> int | None:
    """Return the wallet of a remedy; None if it is not answered, or its member is unknown."""
    return await read.scalar(select(remedy.c.wallet_id).where(remedy.c.remedy_id == remedy_id))


async def by_ids(read: Read, row_ids: Sequence[int]) -> list[RemedyRecord]:
    """Return the remedies with these row ids."""
    statement = select(*columns_of(remedy, RemedyRecord)).where(any_of(remedy.c.id, row_ids))
    return await read.read_records(RemedyRecord, statement)


async def silent(read: Read, wallet_ids: Sequence[int], asked: Slice) -> list[int]:
    """Return a page of the row ids of remedies that were refused."""
    c = remedy.c
    statement = select(c.id).where(any_of(c.wallet_id, wallet_ids), c.refusal.is_not(None))
    page = in_order(statement, [c.id], asked)
    return [row_id for (row_id,) in await read.all(page)]


async def add(tx: Tx, records: Sequence[RemedyRecord]) -> None:
    """Store answers."""
    await tx.insert_records(remedy, records)
