"""Bring the states of customers up to date whose identities were moved or erased."""

from collections.abc import Mapping

from services.scoring.facts.steps.changes import Changes
from services.scoring.facts.steps.refold_customers import refold_customers
from services.scoring.facts.steps.states import forget_states, lock_states
from services.scoring.facts.storage import states
from shared.db import Tx
from shared.events.base import Cause


async def settle_owners(tx: Tx, causes: Mapping[str, Cause]) -> Changes:
    """Delete the states of customers that own nothing any more, and fold the others again; return what changed.

    `causes` holds the cause by customer.
    """
    gone = await states.gone(tx, causes) if causes else []
    await forget_states(tx, gone)
    left = {customer_id: causes[customer_id] for customer_id in sorted(causes.keys() - set(gone))}
    await lock_states(tx, left)
    await refold_customers(tx, left)
    return Changes(left, gone)
