"""Customers as profile publishes them: their identities, and the customers that own these."""

from collections.abc import Sequence

from services.feedback.settings import Settings
from shared import identity
from shared.context import Context
from shared.db import Tx
from shared.events.base import Event
from shared.events.profile import CUSTOMERS, CustomerMerged, CustomerRegistered, CustomerUnmerged
from shared.identity import Move
from shared.identity.brought import note_issuers


async def lock(tx: Tx, _context: Context[Settings], events: Sequence[Event]) -> None:
    """Lock the identities that a batch of customer events names."""
    identities = (name for event in events if event.topic is CUSTOMERS for name in event.identities)
    await identity.lock(tx, identities)


async def customer_registered(
    tx: Tx, _context: Context[Settings], events: Sequence[CustomerRegistered]
) -> None:
    """Remember the identities of new customers, and which of them partners brought."""
    await identity.lock(tx, (event.identity_id for event in events))
    await note_issuers(tx, ((event.identity_id, event.issuer) for event in events))


async def customer_moved(
    tx: Tx, _context: Context[Settings], events: Sequence[CustomerMerged | CustomerUnmerged]
) -> None:
    """Follow merges and unmerges. Complaints keep their identity, and so they follow its owner."""
    moves = [Move(event.identity_id, event.customer_id, event.ownership_version) for event in events]
    await identity.move(tx, moves)
