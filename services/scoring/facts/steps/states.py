"""Lock and change customers' states; what a transaction has locked is remembered in it."""

from collections.abc import Iterable, Mapping, Sequence

from services.scoring.facts.domain.state import State
from services.scoring.facts.storage import states
from shared.db import Slot, Tx

_STATES: Slot[dict[str, State]] = Slot("scoring.states", dict, snapshot=dict)
"""The states that this transaction has locked, by customer."""


async def lock_states(tx: Tx, customer_ids: Iterable[str]) -> dict[str, State]:
    """Create the missing rows, lock all of them in the order of ids and return the states.

    States that this transaction has locked before are not read again. Callers hold the rows of the identities.
    """
    locked = tx.slot(_STATES)
    wanted = sorted(set(customer_ids))
    missing = [customer_id for customer_id in wanted if customer_id not in locked]
    if missing:
        await states.add_missing(tx, missing)
        locked.update(await states.lock_rows(tx, missing))
    return {customer_id: locked[customer_id] for customer_id in wanted}


async def lock_existing_states(tx: Tx, customer_ids: Sequence[str]) -> dict[str, State]:
    """Lock the rows that exist, in the order of ids, and return their states."""
    found = await states.lock_rows(tx, customer_ids)
    tx.slot(_STATES).update(found)
    return found


async def write_states(tx: Tx, changed: Mapping[str, State]) -> None:
    """Store the states of customers whose rows are locked."""
    await states.update(tx, changed)
    tx.slot(_STATES).update(changed)


async def forget_states(tx: Tx, customer_ids: Sequence[str]) -> None:
    """Delete the states of these customers."""
    if not customer_ids:
        return
    await states.delete_rows(tx, customer_ids)
    locked = tx.slot(_STATES)
    for customer_id in customer_ids:
        locked.pop(customer_id, None)
