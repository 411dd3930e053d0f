"""The statements on completed goals."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import date

from sqlalchemy import select

from services.loyalty.earning.storage.tables import CompletionRecord, completion
from shared.db import Read, Tx, any_of, columns_of

_SELECT = select(*columns_of(completion, CompletionRecord))


async def open_of(
    read: Read, wallet_ids: Collection[int], goals: Collection[str], periods: Collection[date]
) -> list[CompletionRecord]:
    """Return the completions of these wallets, goals and periods that were not all taken back, the last one first."""
    c = completion.c
    statement = _SELECT.where(
        any_of(c.wallet_id, sorted(wallet_ids)),
        any_of(c.goal, sorted(goals)),
        any_of(c.period_from, sorted(periods)),
        c.reversed < c.count,
    )
    return await read.read_records(CompletionRecord, statement.order_by(c.number.desc(), c.id.desc()))


async def of_wallets(read: Read, wallet_ids: Sequence[int]) -> list[CompletionRecord]:
    """Return all completions of these wallets."""
    return await read.read_records(
        CompletionRecord, _SELECT.where(any_of(completion.c.wallet_id, wallet_ids))
    )


async def of_causes(read: Read, kind: int, cause_ids: Sequence[int]) -> list[CompletionRecord]:
    """Return the completions that these facts brought."""
    c = completion.c
    statement = _SELECT.where(c.cause_kind == kind, any_of(c.cause_id, cause_ids))
    return await read.read_records(CompletionRecord, statement.order_by(c.id))


async def by_ids(read: Read, row_ids: Sequence[int]) -> list[CompletionRecord]:
    """Return the completions with these row ids."""
    return await read.read_records(CompletionRecord, _SELECT.where(any_of(completion.c.id, row_ids)))


async def add(tx: Tx, records: Sequence[CompletionRecord]) -> None:
    """Store completions."""
    if records:
        await tx.insert_records(completion, records)


async def store_reversed(tx: Tx, records: Sequence[CompletionRecord]) -> None:
    """Store how many of these completions were taken back."""
    if records:
        await tx.update_records(completion, records, columns=["reversed"])
