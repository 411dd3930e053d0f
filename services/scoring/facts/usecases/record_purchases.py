"""Record purchases."""

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from datetime import date, datetime

from services.scoring.facts.domain.facts import ItemisedPurchase, Purchase
from services.scoring.facts.domain.state import State, can_step, step
from services.scoring.facts.steps.changes import Changes, note_changes
from services.scoring.facts.steps.lock_customers import lock_customers
from services.scoring.facts.steps.refold_customers import refold_customers
from services.scoring.facts.steps.states import lock_states, write_states
from services.scoring.facts.storage import facts, rollups
from services.scoring.settings import Settings
from shared.context import Context
from shared.db import Tx
from shared.events.base import Cause


async def record_purchases(tx: Tx, context: Context[Settings], purchases: Sequence[ItemisedPurchase]) -> None:
    """Store purchases and bring days and states up to date; repeats and erased identities change nothing."""
    owners = await lock_customers(tx, context, (itemised.purchase.identity_id for itemised in purchases))
    candidates = _first_of_each_id(purchases, owners)
    new_ids = await facts.add_purchases(tx, candidates, tx.now)
    if not new_ids:
        note_changes(tx, Changes())
        return
    await rollups.roll_up_days(tx, sorted(new_ids))
    returned = await facts.returned_before(tx, sorted(new_ids))
    bought = _by_customer(
        [itemised.purchase for itemised in candidates if itemised.purchase.purchase_id in new_ids], owners
    )
    stepped = _step(await lock_states(tx, bought), bought, returned)
    await write_states(tx, stepped)
    await refold_customers(tx, bought.keys() - stepped.keys())
    latest = {customer_id: [*purchase_ids][-1] for customer_id, purchase_ids in bought.items()}
    causes = {
        customer_id: Cause(kind="purchase", id=purchase_id) for customer_id, purchase_id in latest.items()
    }
    note_changes(tx, Changes(causes))


def _first_of_each_id(
    purchases: Sequence[ItemisedPurchase], owners: Mapping[str, str]
) -> list[ItemisedPurchase]:
    """Return the purchases of identities that were not erased. Of several with one id the first is the fact."""
    first: dict[str, ItemisedPurchase] = {}
    for itemised in purchases:
        if itemised.purchase.identity_id in owners:
            first.setdefault(itemised.purchase.purchase_id, itemised)
    return list(first.values())


def _by_customer(purchases: Sequence[Purchase], owners: Mapping[str, str]) -> dict[str, dict[str, Purchase]]:
    """Return the purchases of each customer by their ids, in the order of their days."""
    by_customer: dict[str, dict[str, Purchase]] = {}
    for purchase in sorted(purchases, key=_order):
        by_customer.setdefault(owners[purchase.identity_id], {})[purchase.purchase_id] = purchase
    return by_customer


def _step(
    states: Mapping[str, State], bought: Mapping[str, Mapping[str, Purchase]], returned: AbstractSet[str]
) -> dict[str, State]:
    """Return the new states of the customers whose purchases all come in order and have no return yet."""
    stepped = {}
    for customer_id, purchases in bought.items():
        state = states[customer_id]
        for purchase in purchases.values():
            if purchase.purchase_id in returned or not can_step(state, purchase):
                break
            state = step(state, purchase)
        else:
            stepped[customer_id] = state
    return stepped


def _order(purchase: Purchase) -> tuple[date, datetime, str]:
    return (purchase.day, purchase.occurred_at, purchase.purchase_id)
