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
    Who was erased gets no state by being named again; whether they do own somebody is seen when that is settled.
    """
    await shop.fix_zone(tx, zone.key)
    becoming = set(becoming)
    owners = await identity.lock(tx, {*identity_ids, *becoming})
    living = {owner.identity_id: owner.owner_id for owner in owners.values() if owner.erased_at is None}
    await states.lock(tx, {*living.values(), *(becoming & living.keys())})
    return living
