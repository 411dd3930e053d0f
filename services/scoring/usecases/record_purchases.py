"""Take in purchases."""

from collections.abc import Sequence
from zoneinfo import ZoneInfo

from services.scoring.domain.facts import Purchase
from services.scoring.domain.state import State, can_step, step
from services.scoring.storage import facts, states
from services.scoring.storage.facts import PurchaseRow
from services.scoring.usecases.lock_customers import lock_customers
from services.scoring.usecases.refold_customers import refold_customers
from services.scoring.usecases.restate_customers import restate_customers
from shared.db import Tx
from shared.events.base import Cause


async def record_purchases(tx: Tx, rows: Sequence[PurchaseRow], zone: ZoneInfo) -> None:
    """Store purchases and bring days, states and labels up to date; repeats and erased identities change nothing."""
    owners = await lock_customers(tx, (row.fact.identity_id for row in rows), zone)
    told = {row.fact.purchase_id: row for row in reversed(rows) if row.fact.identity_id in owners}
    living = [
        row for row in rows if told.get(row.fact.purchase_id) is row
    ]  # the first told of an id is the fact
    new = await facts.add_purchases(tx, living, tx.now)
    if not new:
        return
    await facts.roll_up_days(tx, sorted(new))
    returned = await facts.returned_before(tx, sorted(new))
    bought = sorted((row.fact for row in living if row.fact.purchase_id in new), key=_order)
    of: dict[str, dict[str, Purchase]] = {}
    for purchase in bought:
        of.setdefault(owners[purchase.identity_id], {})[purchase.purchase_id] = purchase
    stepped = _step(await states.lock(tx, of), of, returned)
    await states.write(tx, stepped)
    await refold_customers(tx, of.keys() - stepped.keys())
    causes = {
        customer_id: Cause(kind="purchase", id=[*purchases][-1]) for customer_id, purchases in of.items()
    }
    await restate_customers(tx, causes, "purchase", zone)


def _step(
    known: dict[str, State], of: dict[str, dict[str, Purchase]], returned: set[str]
) -> dict[str, State]:
    """The new states of those customers whose purchases all come in order and have no return yet."""
    stepped = {}
    for customer_id, purchases in of.items():
        state = known[customer_id]
        for purchase in purchases.values():
            if purchase.purchase_id in returned or not can_step(state, purchase):
                break
            state = step(state, purchase)
        else:
            stepped[customer_id] = state
    return stepped


def _order(purchase: Purchase) -> tuple[object, ...]:
    return (purchase.day, purchase.occurred_at, purchase.purchase_id)
