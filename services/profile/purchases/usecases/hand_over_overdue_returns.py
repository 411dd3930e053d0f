"""Hand returns that have waited too long for their purchases to the operators."""

from collections.abc import Sequence

from services.profile.purchases.domain.returns import WaitingReturn
from services.profile.purchases.storage import purchases, waiting_returns
from services.profile.purchases.storage.waiting_returns import NEVER_PURCHASED
from services.profile.purchases.usecases.retry_return import retry_return
from shared.consume.set_aside import Reason
from shared.context import Context
from shared.db import Tx
from shared.errors import DomainError


async def hand_over_overdue_returns(tx: Tx, context: Context, parked_ids: Sequence[str]) -> int:
    """End the waiting of these overdue returns, and return how many there were.

    A return whose purchase is there after all is applied; the others are handed over as dead. A purchase that comes
    meanwhile waits for these rows and then finds them dead: an operator can try such a return again.
    """
    overdue = await waiting_returns.lock(tx, context.vault, parked_ids)
    bought = await purchases.find(tx, (parked.waiting.order for parked in overdue))
    for parked in overdue:
        known = parked.waiting.order in bought
        reason = await _apply(tx, context, parked.waiting) if known else NEVER_PURCHASED
        if reason is None:
            await waiting_returns.end_applied(tx, parked)
        else:
            await waiting_returns.hand_to_operators(tx, parked, reason)
    return len(overdue)


async def _apply(tx: Tx, context: Context, waiting: WaitingReturn) -> Reason | None:
    """Apply a return whose purchase is recorded; return why it cannot be applied, or None."""
    try:
        async with tx.savepoint():
            await retry_return(tx, context, waiting)
    except DomainError as refusal:
        return Reason(refusal.code, str(refusal))
    return None
