"""The first locks of every change: identities, then the states of the customers they belong to."""

from collections.abc import Iterable
from zoneinfo import ZoneInfo

from services.scoring.storage import shop, states
from shared import identity
from shared.db import Tx


async def lock_customers(
    tx: Tx, identity_ids: Iterable[str], zone: ZoneInfo, *, becoming: Iterable[str] = ()
) -> dict[str, str]:
    """Lock these identities and their owners' states; return the owner of each identity that was not erased.

    `becoming` are customers who are about to own one of them: their states are locked in the same, sorted, statement.
    """
    await shop.fix_zone(tx, zone.key)
    owners = await identity.lock(tx, identity_ids)
    living = {owner.identity_id: owner.owner_id for owner in owners.values() if owner.erased_at is None}
    await states.lock(tx, {*living.values(), *becoming})
    return living
