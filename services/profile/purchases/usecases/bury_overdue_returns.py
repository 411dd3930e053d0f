"""End the waiting of returns past their deadline."""

from services.profile.purchases.storage import purchases, returns
from services.profile.purchases.storage.returns import WaitingReturn
from services.profile.purchases.usecases.retry_return import retry_return
from services.profile.settings import Settings
from shared.consume import parking
from shared.consume.set_aside import Reason
from shared.context import Context
from shared.db import Tx
from shared.errors import DomainError
from shared.vault import Vault


async def bury_overdue_returns(tx: Tx, context: Context[Settings]) -> int:
    """Look once more for the purchases of a page of overdue returns; without one a return is *dead*. Says how many.

    A purchase that comes meanwhile waits for these rows and then finds them dead: the return can be tried again.
    """
    vault = context.vault
    overdue = await returns.overdue(tx, vault)
    bought = await purchases.find(tx, (one.order for _, one in overdue))
    for parked, one in overdue:
        reason = await _apply(tx, vault, one) if one.order in bought else returns.NEVER_PURCHASED
        if reason is None:
            await parking.end(tx, [parked.id], state="applied", by="deadline")
        else:
            await returns.bury(tx, parked, reason)
    return len(overdue)


async def _apply(tx: Tx, vault: Vault, one: WaitingReturn) -> Reason | None:
    """None, or why a return whose purchase is there cannot be applied."""
    try:
        async with tx.savepoint():
            await retry_return(tx, vault, one)
    except DomainError as refusal:
        return Reason(refusal.code, str(refusal))
    return None
