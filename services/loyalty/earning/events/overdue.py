"""End the waiting of parked returns whose deadline has passed."""

from collections.abc import Sequence

from services.loyalty.earning.events.translation import parked_return
from services.loyalty.earning.usecases.apply_returns import apply_returns
from services.loyalty.settings import Settings
from shared.consume import parking
from shared.consume.parking import find_overdue
from shared.consume.set_aside import Reason
from shared.context import Context
from shared.db import Tx
from shared.events.profile import PurchaseReturned
from shared.outbox.due_rows import by_rows

NEVER_CAME = Reason("purchase_never_came", "The purchase of this return did not arrive in time.")


async def end_overdue_returns(tx: Tx, context: Context[Settings], parked_ids: Sequence[str]) -> int:
    """Look once more for the purchases that these overdue returns wait for; a return without its purchase is dead."""
    overdue = await parking.lock(tx, context.vault, parked_ids)
    if not overdue:
        return 0
    facts = {parked.id: parked_return(parked) for parked in overdue}
    waiting = {fact.return_id for fact in await apply_returns(tx, context, list(facts.values()))}
    lost = [parked for parked in overdue if facts[parked.id].return_id in waiting]
    applied = [parked.id for parked in overdue if parked not in lost]
    await parking.end(tx, applied, state="applied", by="deadline")
    if lost:
        await parking.mark_dead(tx, lost, NEVER_CAME)
    return len(overdue)


END_OVERDUE_RETURNS = by_rows("end_overdue_returns", find_overdue(PurchaseReturned.type), end_overdue_returns)
