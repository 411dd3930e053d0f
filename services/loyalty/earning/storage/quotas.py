"""The statements on quotas."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from sqlalchemy import select, update

from services.loyalty.earning.domain.budgets import BudgetKey, Quota, QuotaKind, Quotas
from services.loyalty.earning.storage.tables import QuotaRecord, quota
from services.loyalty.ledger.domain.programme import PROGRAMME
from shared.db import Read, Tx, any_of_rows, columns_of

_SELECT = select(*columns_of(quota, QuotaRecord)).where(quota.c.programme_id == PROGRAMME)


class QuotaMoved(ConnectionError):
    """Others took the room of a budget since it was read; like a deadlock, it passes: the batch is tried again."""


async def load(read: Read, keys: Iterable[BudgetKey], *, lock: bool = False) -> Quotas:
    """Return these budgets, as far as they exist. `lock`: nobody else changes them until the transaction ends."""
    wanted = [(key.stored, key.period_from) for key in sorted(set(keys))]
    if not wanted:
        return Quotas()
    c = quota.c
    statement = _SELECT.where(any_of_rows([c.key, c.period_from], wanted)).order_by(c.key, c.period_from)
    records = await read.read_records(QuotaRecord, statement.with_for_update() if lock else statement)
    return Quotas({key_of(record): Quota(record.ceiling, record.used, record.held) for record in records})


def key_of(record: QuotaRecord) -> BudgetKey:
    """Return the key of a stored row."""
    kind, _, code = record.key.partition(":")
    return BudgetKey(code, record.period_from, QuotaKind(kind))


async def open_all(tx: Tx, ceilings: dict[BudgetKey, int]) -> None:
    """Store budgets of which nothing was taken yet, unless another process has."""
    records = [
        QuotaRecord(PROGRAMME, key.stored, key.period_from, ceilings[key], 0, 0) for key in sorted(ceilings)
    ]
    await tx.insert_new_records(quota, records)


async def move(tx: Tx, quotas: Quotas) -> None:
    """Store what was taken of budgets and given back, by one conditional change each. Raises QuotaMoved where room is gone."""
    for key, points in quotas.moved():
        if not await take(tx, key, points):
            raise QuotaMoved(key.stored)


async def take(tx: Tx, key: BudgetKey, points: int) -> bool:
    """Store that so much was taken of a quota (negative: given back), and return whether there was room for it."""
    c = quota.c
    of_key = update(quota).where(
        c.programme_id == PROGRAMME, c.key == key.stored, c.period_from == key.period_from
    )
    if points > 0:
        of_key = of_key.where(c.used + c.held + points <= c.ceiling)
    return await tx.scalar(of_key.values(used=c.used + points).returning(c.used)) is not None


async def shift(tx: Tx, key: BudgetKey, *, used: int, held: int) -> None:
    """Store that more, or less, of a quota is used and held. The caller has it locked and knows that there is room."""
    c = quota.c
    of_key = update(quota).where(
        c.programme_id == PROGRAMME, c.key == key.stored, c.period_from == key.period_from
    )
    await tx.execute(of_key.values(used=c.used + used, held=c.held + held))


async def set_ceiling(tx: Tx, key: BudgetKey, ceiling: int) -> None:
    """Store the ceiling of a budget in a period."""
    c = quota.c
    await tx.execute(
        update(quota)
        .where(c.programme_id == PROGRAMME, c.key == key.stored, c.period_from == key.period_from)
        .values(ceiling=ceiling)
    )


async def all_of(read: Read, kind: QuotaKind) -> Sequence[QuotaRecord]:
    """Return every budget in every period, or the stock of every reward."""
    of_kind = _SELECT.where(quota.c.key.startswith(f"{kind}:", autoescape=True))
    return await read.read_records(QuotaRecord, of_kind.order_by(quota.c.key, quota.c.period_from))
