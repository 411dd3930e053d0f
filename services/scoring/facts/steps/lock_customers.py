"""Lock identities and the states of their owners, in the order of locks that all use cases keep."""

from collections.abc import Iterable

from services.scoring.facts.steps.states import lock_states
from services.scoring.facts.storage import shop
from services.scoring.settings import Settings
from shared import identity
from shared.context import Context
from shared.db import Tx


async def lock_customers(
    tx: Tx, context: Context[Settings], identity_ids: Iterable[str], *, new_owners: Iterable[str] = ()
) -> dict[str, str]:
    """Lock these identities and their owners' states; return the owner of each identity that was not erased.

    `new_owners` are the customers that are about to own one of the identities: their states are locked in the same
    sorted statement. An erased customer never gets a new state.
    """
    await shop.fix_zone(tx, context.settings.zone)
    new_owners = set(new_owners)
    owners = await identity.lock(tx, {*identity_ids, *new_owners})
    living = {owner.identity_id: owner.owner_id for owner in owners.values() if owner.erased_at is None}
    await lock_states(tx, {*living.values(), *(new_owners & living.keys())})
    return living
