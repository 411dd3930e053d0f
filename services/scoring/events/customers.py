"""Customers: who is registered, who belongs to whom, who was erased."""

from collections.abc import Sequence
from zoneinfo import ZoneInfo

from services.scoring.usecases.change_owners import change_owners
from services.scoring.usecases.erase_identities import erase_identities
from services.scoring.usecases.register_identities import register_identities
from shared.consume.handlers import Handle
from shared.db import Tx
from shared.events.profile import CustomerErased, CustomerMerged, CustomerRegistered, CustomerUnmerged
from shared.identity import Move


async def registered(tx: Tx, events: Sequence[CustomerRegistered]) -> None:
    """Remember the identities."""
    await register_identities(tx, [event.identity_id for event in events])


def moved(zone: ZoneInfo) -> Handle:
    """Follow merges and unmerges."""

    async def apply(tx: Tx, events: Sequence[CustomerMerged | CustomerUnmerged]) -> None:
        moves = [Move(event.identity_id, event.customer_id, event.ownership_version) for event in events]
        await change_owners(tx, moves, {event.identity_id: event.cause for event in events}, zone)

    return apply


def erased(zone: ZoneInfo) -> Handle:
    """Wipe erased identities."""

    async def apply(tx: Tx, events: Sequence[CustomerErased]) -> None:
        await erase_identities(tx, events, zone)

    return apply
