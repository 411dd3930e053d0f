"""Save a reward."""

from __future__ import annotations

from services.loyalty.http import refuse_faults
from services.loyalty.ledger.steps.programme import lock_programme, open_programme
from services.loyalty.rewards.domain import document as documents
from services.loyalty.rewards.domain.document import RewardDocument
from services.loyalty.rewards.refusals import RewardInvalid
from services.loyalty.rewards.steps.store_reward import store_reward
from services.loyalty.settings import Settings
from shared.context import Context
from shared.db import Tx
from shared.preconditions import Precondition


async def save_reward(
    tx: Tx,
    context: Context[Settings],
    code: str,
    document: RewardDocument,
    author: str,
    precondition: Precondition,
) -> None:
    """Store a version of a reward, with its stock. The same document once more changes nothing.

    Claims keep the version that they were promised by. Raises RewardInvalid, PreconditionFailed, TooManyRewards and StockBelowUse.
    """
    programme = await open_programme(tx, context)
    await lock_programme(tx)
    refuse_faults([*documents.faults(document, programme.tier_codes(context.clock.now()))], RewardInvalid)
    await store_reward(tx, code, document, author, precondition)
