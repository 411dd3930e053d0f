"""Follow merges and unmerges: rows keep their identity, states follow the owner."""

from collections.abc import Mapping, Sequence
from zoneinfo import ZoneInfo

from services.scoring.usecases.lock_customers import lock_customers
from services.scoring.usecases.settle_customers import settle_customers
from shared import identity
from shared.db import Tx
from shared.events.base import Cause
from shared.identity import Move


async def change_owners(tx: Tx, moves: Sequence[Move], causes: Mapping[str, Cause], zone: ZoneInfo) -> None:
    """Give identities to the owners of their greatest version, and fold both owners again.

    `causes` names the merge or unmerge by identity. A move that is not newer than the known one changes nothing.
    """
    becoming = [move.owner_id for move in moves]
    await lock_customers(tx, (move.identity_id for move in moves), zone, becoming=becoming)
    because: dict[str, Cause] = {}
    for moved in await identity.move(tx, moves):
        because[moved.former_owner_id] = because[moved.owner_id] = causes[moved.identity_id]
    await settle_customers(tx, because, zone)
