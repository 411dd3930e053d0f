"""Translate registrations, merges, unmerges and erasures of customers."""

from collections.abc import Sequence

from services.scoring.facts.usecases.change_owners import change_owners
from services.scoring.facts.usecases.erase_identities import erase_identities
from services.scoring.facts.usecases.register_identities import register_identities
from services.scoring.settings import Settings
from shared.context import Context
from shared.db import Tx
from shared.events.profile import CustomerErased, CustomerMerged, CustomerRegistered, CustomerUnmerged
from shared.identity import Move


async def customer_registered(
    tx: Tx, context: Context[Settings], events: Sequence[CustomerRegistered]
) -> None:
    """Register the identities."""
    await register_identities(tx, [event.identity_id for event in events])


async def customer_moved(
    tx: Tx, context: Context[Settings], events: Sequence[CustomerMerged | CustomerUnmerged]
) -> None:
    """Give merged and unmerged identities to their new owners."""
    moves = [Move(event.identity_id, event.customer_id, event.ownership_version) for event in events]
    await change_owners(tx, context, moves, {event.identity_id: event.cause for event in events})


async def customer_erased(tx: Tx, context: Context[Settings], events: Sequence[CustomerErased]) -> None:
    """Erase the identities."""
    await erase_identities(tx, context, events)
