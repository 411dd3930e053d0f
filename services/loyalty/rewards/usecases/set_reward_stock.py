"""Set the stock of a reward."""

from __future__ import annotations

from services.loyalty.ledger.steps.programme import lock_programme
from services.loyalty.rewards.queries.find_reward import find_reward
from services.loyalty.rewards.steps.store_reward import store_reward
from shared.db import Tx
from shared.preconditions import Precondition


async def set_reward_stock(
    tx: Tx, code: str, pieces: int | None, author: str, precondition: Precondition
) -> None:
    """Store a version of a reward with another stock and nothing else changed. `pieces` None: any number.

    Raises RewardNotFound, PreconditionFailed and StockBelowUse.
    """
    await lock_programme(tx)
    found = await find_reward(tx, code)
    document = found.document.model_copy(update={"stock": pieces})
    await store_reward(tx, code, document, author, precondition, archived=found.record.archived)
