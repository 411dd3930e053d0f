"""The budgets of a transaction: read without a lock, opened with their first use, and locked when they are near their end."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from services.loyalty.earning.domain.budgets import BudgetKey, Quotas
from services.loyalty.earning.domain.returning import PointsOfLot
from services.loyalty.earning.storage import quotas
from services.loyalty.earning.storage.quotas import move as move_quotas
from shared.db import Tx

__all__ = ["give_back", "load_quotas", "move_quotas"]


async def load_quotas(
    tx: Tx, wanted: Sequence[tuple[BudgetKey, int]], ceilings: Mapping[BudgetKey, int]
) -> Quotas:
    """Return the budgets that these points are wanted of. Nothing is read where there are none.

    Far from its end a budget is not locked: the change that takes its points says whether there was room. Near its end that would often be
    in vain, so it is locked first.
    """
    if not wanted:
        return Quotas()
    found = await quotas.load(tx, ceilings)
    missing = {key: ceiling for key, ceiling in ceilings.items() if key not in found.rows}
    if missing:
        await quotas.open_all(tx, missing)
        found = await quotas.load(tx, ceilings)
    near = found.near_their_end(wanted)
    if near:
        found.rows |= (await quotas.load(tx, near, lock=True)).rows
    return found


def give_back(held: Quotas, taken: Iterable[PointsOfLot]) -> None:
    """Give points that were taken back from lots to the budgets that they came from."""
    for lot, points in taken:
        if lot.budget is not None and lot.budget_from is not None:
            held.give_back(BudgetKey(lot.budget, lot.budget_from), points)
