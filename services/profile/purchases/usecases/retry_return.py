"""An operator tries a return again that could not be applied when its purchase came, or whose purchase came too late."""

from services.profile.people.refusals import TooMuchContention
from services.profile.purchases.domain import returns as rules
from services.profile.purchases.refusals import (
    OrderOfAnother,
    PurchaseNotKnown,
    ReturnConflict,
    ReturnNotPossible,
    conflicting,
)
from services.profile.purchases.steps.take_back import Overtaken, take_back
from services.profile.purchases.storage import purchases, returns
from services.profile.purchases.storage.returns import WaitingReturn
from shared.auth.principal import SHOP
from shared.db import Tx
from shared.vault import Vault


async def retry_return(tx: Tx, vault: Vault, waiting: WaitingReturn) -> None:
    """Apply it under the id it was first answered with; nothing is left to do if it was sent again meanwhile.

    Raises what it is refused for again.
    """
    bought = await purchases.find(tx, [waiting.order])
    if not bought:
        raise PurchaseNotKnown
    purchase = bought[waiting.order]
    if waiting.issuer not in (SHOP, purchase.issuer):
        raise OrderOfAnother
    await purchases.lock(tx, [purchase.purchase_id])
    if known := (await returns.find(tx, [waiting.key])).get(waiting.key):
        if fields := rules.differences(waiting.told, known.told):
            raise conflicting(ReturnConflict, fields)
        return
    try:
        (answer,) = await take_back(tx, vault, [waiting], bought)
    except Overtaken:
        raise TooMuchContention from None
    if isinstance(answer, ReturnNotPossible):
        raise answer
