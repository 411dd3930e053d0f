"""The uses of coupons: what members share, counted like the points of a budget."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from services.loyalty.earning.domain.budgets import CEILING_MAX, BudgetKey, Quota
from services.loyalty.earning.storage import quotas
from services.loyalty.earning.storage.quotas import shift
from shared.db import Tx

__all__ = ["lock_uses", "set_ceilings", "shift"]


async def set_ceilings(tx: Tx, ceilings: Mapping[BudgetKey, int | None]) -> None:
    """Store how often coupons can be used (None: any number of times). A ceiling below what is used refuses only further uses."""
    opened = {key: _ceiling(ceiling) for key, ceiling in ceilings.items()}
    await quotas.open_all(tx, opened)
    for key, quota in (await quotas.load(tx, opened, lock=True)).rows.items():
        ceiling = max(opened[key], quota.used + quota.held)
        if ceiling != quota.ceiling:
            await quotas.set_ceiling(tx, key, ceiling)


async def lock_uses(tx: Tx, keys: Iterable[BudgetKey]) -> dict[BudgetKey, Quota]:
    """Lock these quotas, and return them as they are then."""
    return dict((await quotas.load(tx, keys, lock=True)).rows)


def _ceiling(ceiling: int | None) -> int:
    return CEILING_MAX if ceiling is None else ceiling
