"""Archive a reward."""

from __future__ import annotations

from services.loyalty.ledger.steps.programme import lock_programme
from services.loyalty.rewards.queries.find_reward import find_reward
from services.loyalty.rewards.steps.store_reward import store_reward
from shared.db import Tx
from shared.preconditions import Precondition


async def archive_reward(tx: Tx, code: str, author: str, precondition: Precondition) -> None:
    """Take a reward out of the catalogue of members: nobody can claim it any more. What was claimed stays.

    Its price is not judged again: a tier that it names may be gone.

    Raises RewardNotFound and PreconditionFailed.
    """
    await lock_programme(tx)
    found = await find_reward(tx, code)
    await store_reward(tx, code, found.document, author, precondition, archived=True)
