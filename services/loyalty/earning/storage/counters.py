"""The statements on counters."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from sqlalchemy import or_, select

from services.loyalty.earning.domain.levels import Counter, CounterKey, Counters
from services.loyalty.earning.storage.tables import CounterRecord, counter
from shared.db import Read, Tx, any_of, any_of_rows, columns_of

_SELECT = select(*columns_of(counter, CounterRecord))


async def load(read: Read, keys: Iterable[CounterKey], series: Iterable[tuple[int, str]] = ()) -> Counters:
    """Return the counters with these keys, as far as they exist, and all periods of each of these `series` (wallet and key)."""
    wanted, whole = sorted(set(keys)), sorted(set(series))
    if not wanted:
        return Counters()
    c = counter.c
    condition = any_of_rows([c.wallet_id, c.key, c.period_from], wanted)
    if whole:
        condition = or_(condition, any_of_rows([c.wallet_id, c.key], whole))
    return held(await read.read_records(CounterRecord, _SELECT.where(condition)))


def held(records: Iterable[CounterRecord]) -> Counters:
    """Return stored counters as a transaction holds them."""
    return Counters(
        {
            CounterKey(record.wallet_id, record.key, record.period_from): Counter(
                record.measure, record.granted
            )
            for record in records
        }
    )


async def store(tx: Tx, counters: Counters) -> None:
    """Store the counters that changed."""
    records = [
        CounterRecord(*key, counters.rows[key].measure, counters.rows[key].granted)
        for key in sorted(counters.changed)
    ]
    if records:
        await tx.upsert_records(counter, records, key=["wallet_id", "key", "period_from"])


async def of_wallets(read: Read, wallet_ids: Sequence[int]) -> list[CounterRecord]:
    """Return all counters of these wallets."""
    return await read.read_records(CounterRecord, _SELECT.where(any_of(counter.c.wallet_id, wallet_ids)))
