"""Try a return again that could not be applied when its purchase came, or whose purchase came too late."""

from services.profile.people.refusals import TooMuchContention
from services.profile.purchases.domain import returns as rules
from services.profile.purchases.domain.returns import WaitingReturn
from services.profile.purchases.refusals import (
    PurchaseNotKnown,
    ReturnConflict,
    ReturnNotPossible,
    conflicting,
)
from services.profile.purchases.steps.apply_returns import Overtaken, apply_returns
from services.profile.purchases.storage import purchases, returns
from shared.context import Context
from shared.db import Tx


async def retry_return(tx: Tx, context: Context, waiting: WaitingReturn) -> None:
    """Apply a return under the id that it was first given. Nothing is left to do if it was recorded meanwhile.

    Raises PurchaseNotKnown, ReturnConflict, ReturnNotPossible or TooMuchContention.
    """
    bought = await purchases.find(tx, [waiting.order])
    if not bought:
        raise PurchaseNotKnown
    bought = await purchases.find_locked(tx, bought.values())
    if recorded := (await returns.find(tx, [waiting.key])).get(waiting.key):
        if fields := rules.differences(waiting.reported, recorded.reported):
            raise conflicting(ReturnConflict, fields)
        return
    try:
        (answer,) = await apply_returns(tx, context, [waiting], bought)
    except Overtaken:
        raise TooMuchContention from None
    if isinstance(answer, ReturnNotPossible):
        raise answer
