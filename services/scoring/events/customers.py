"""Customers: who is registered, who belongs to whom, who was erased."""

from collections.abc import Sequence

from services.scoring.settings import Settings
from services.scoring.usecases.change_owners import change_owners
from services.scoring.usecases.erase_identities import erase_identities
from services.scoring.usecases.register_identities import register_identities
from shared.context import Context
from shared.db import Tx
from shared.events.profile import CustomerErased, CustomerMerged, CustomerRegistered, CustomerUnmerged
from shared.identity import Move


async def registered(tx: Tx, context: Context[Settings], events: Sequence[CustomerRegistered]) -> None:
    """Remember the identities."""
    await register_identities(tx, [event.identity_id for event in events])


async def moved(
    tx: Tx, context: Context[Settings], events: Sequence[CustomerMerged | CustomerUnmerged]
) -> None:
    """Follow merges and unmerges."""
    moves = [Move(event.identity_id, event.customer_id, event.ownership_version) for event in events]
    await change_owners(
        tx, moves, {event.identity_id: event.cause for event in events}, context.settings.time_zone
    )


async def erased(tx: Tx, context: Context[Settings], events: Sequence[CustomerErased]) -> None:
    """Wipe erased identities."""
    await erase_identities(tx, events, context.settings.time_zone)
