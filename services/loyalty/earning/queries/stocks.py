"""Read the stock of rewards."""

from __future__ import annotations

from collections.abc import Iterable

from services.loyalty.earning.domain.budgets import CEILING_MAX, Quota, QuotaKind, stock_of
from services.loyalty.earning.storage import quotas
from shared.db import Read

UNLIMITED = CEILING_MAX
"""The ceiling of the stock of a reward that has no limit."""


async def stocks_of(read: Read, rewards: Iterable[str]) -> dict[str, Quota]:
    """Return the stock of these rewards, as far as they exist."""
    found = await quotas.load(read, [stock_of(reward) for reward in rewards])
    return {key.code: quota for key, quota in found.rows.items()}


async def all_stocks(read: Read) -> dict[str, Quota]:
    """Return the stock of every reward."""
    records = await quotas.all_of(read, QuotaKind.STOCK)
    return {quotas.key_of(record).code: Quota(record.ceiling, record.used, record.held) for record in records}
