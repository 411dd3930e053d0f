"""Archive a reward."""

from __future__ import annotations

from services.loyalty.ledger.steps.programme import lock_programme
from services.loyalty.rewards.queries.find_reward import find_reward
from services.loyalty.rewards.usecases.save_reward import save_reward
from services.loyalty.settings import Settings
from shared.context import Context
from shared.db import Tx
from shared.preconditions import Precondition


async def archive_reward(
    tx: Tx, context: Context[Settings], code: str, author: str, precondition: Precondition
) -> None:
    """Take a reward out of the catalogue of members: nobody can claim it any more. What was claimed stays.

    Raises RewardNotFound and PreconditionFailed.
    """
    await lock_programme(tx)
    found = await find_reward(tx, code)
    await save_reward(tx, context, code, found.document, author, precondition, archived=True)
