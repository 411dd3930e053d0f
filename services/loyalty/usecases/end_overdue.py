"""End the waiting of what is overdue."""

from __future__ import annotations

from services.loyalty.usecases.apply_returns import apply_returns
from services.loyalty.usecases.credit_remedies import credit_remedies
from services.loyalty.usecases.read_remedy import read_remedy
from services.loyalty.usecases.read_return import read_return
from shared.consume import parking
from shared.consume.parking import Parked
from shared.consume.set_aside import Reason
from shared.db import Tx
from shared.events.feedback import RemedyGranted
from shared.events.profile import PurchaseReturned
from shared.vault import Vault

NEVER_CAME = Reason("purchase_never_came", "The purchase of this return did not arrive in time.")


async def end_overdue(tx: Tx, vault: Vault) -> int:
    """Look once more for what parked records wait for; without it a return is dead and a remedy refused."""
    returns = await parking.overdue(tx, vault, PurchaseReturned.type)
    remedies = await parking.overdue(tx, vault, RemedyGranted.type)
    if returns:
        await _end_returns(tx, returns)
    if remedies:
        grants = [read_remedy(parking.event_of(each)) for each in remedies]
        await credit_remedies(tx, grants, may_wait=False)
        await parking.end(tx, [each.id for each in remedies], state="applied", by="deadline")
    return len(returns) + len(remedies)


async def _end_returns(tx: Tx, overdue: list[Parked]) -> None:
    facts = {each.id: read_return(parking.event_of(each)) for each in overdue}
    waiting = {fact.return_id for fact in await apply_returns(tx, list(facts.values()))}
    lost = [each for each in overdue if facts[each.id].return_id in waiting]
    await parking.end(tx, [each.id for each in overdue if each not in lost], state="applied", by="deadline")
    if lost:
        await parking.bury(tx, lost, NEVER_CAME)
