"""Follow merges and unmerges: facts stay with their identity, states follow the owner."""

from collections.abc import Mapping, Sequence

from services.scoring.facts.steps.changes import note_changes
from services.scoring.facts.steps.lock_customers import lock_customers
from services.scoring.facts.steps.settle_owners import settle_owners
from services.scoring.settings import Settings
from shared import identity
from shared.context import Context
from shared.db import Tx
from shared.events.base import Cause
from shared.identity import Move


async def change_owners(
    tx: Tx, context: Context[Settings], moves: Sequence[Move], causes: Mapping[str, Cause]
) -> None:
    """Give each identity to the owner of its greatest version, and fold the former and the new owner again.

    `causes` holds the merge or unmerge by identity. A move that is not newer than the stored one changes nothing.
    """
    new_owners = [move.owner_id for move in moves]
    await lock_customers(tx, context, (move.identity_id for move in moves), new_owners=new_owners)
    causes_of_owners: dict[str, Cause] = {}
    for moved in await identity.move(tx, moves):
        cause = causes[moved.identity_id]
        causes_of_owners[moved.former_owner_id] = causes_of_owners[moved.owner_id] = cause
    note_changes(tx, await settle_owners(tx, causes_of_owners))
