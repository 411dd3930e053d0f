"""The stock of rewards: pieces that members share, counted like the points of a budget."""

from __future__ import annotations

from services.loyalty.earning.domain.budgets import CEILING_MAX, Quota, stock_of
from services.loyalty.earning.refusals import StockBelowUse
from services.loyalty.earning.storage import quotas
from shared.db import Tx


async def set_stock(tx: Tx, reward: str, pieces: int | None) -> None:
    """Store how many pieces of a reward members can claim in all (None: any number). Raises StockBelowUse."""
    key, ceiling = stock_of(reward), CEILING_MAX if pieces is None else pieces
    await quotas.open_all(tx, {key: ceiling})
    quota: Quota = (await quotas.load(tx, [key], lock=True)).rows[key]
    if ceiling < quota.used + quota.held:
        raise StockBelowUse(used=quota.used + quota.held)
    if ceiling != quota.ceiling:
        await quotas.set_ceiling(tx, key, ceiling)


async def take_piece(tx: Tx, reward: str) -> bool:
    """Take a piece of a reward, and return whether there was one. Nothing but the outbox is written after it."""
    return await quotas.take(tx, stock_of(reward), 1)


async def give_piece_back(tx: Tx, reward: str) -> None:
    """Give a piece of a reward back."""
    is_kept = await quotas.take(tx, stock_of(reward), -1)
    assert is_kept, "a reward that was claimed has a stock"
