"""Customers: who is registered, who belongs to whom, who was erased."""

from collections.abc import Sequence

from services.loyalty.domain.facts import OwnerMove
from services.loyalty.settings import Settings
from services.loyalty.usecases.enrol_members import enrol_members
from services.loyalty.usecases.erase_members import erase_members
from services.loyalty.usecases.move_owners import move_owners
from shared.context import Context
from shared.db import Tx
from shared.events.profile import CustomerErased, CustomerMerged, CustomerRegistered, CustomerUnmerged


async def registered(tx: Tx, context: Context[Settings], events: Sequence[CustomerRegistered]) -> None:
    """Enrol them: the programme's enrolment is automatic."""
    await enrol_members(tx, [event.identity_id for event in events])


async def moved(
    tx: Tx, context: Context[Settings], events: Sequence[CustomerMerged | CustomerUnmerged]
) -> None:
    """Follow merges and unmerges."""
    moves = [
        OwnerMove(event.identity_id, event.customer_id, event.ownership_version, event.occurred_at)
        for event in events
    ]
    await move_owners(tx, moves, {event.identity_id: event.cause for event in events})


async def erased(tx: Tx, context: Context[Settings], events: Sequence[CustomerErased]) -> None:
    """Wipe erased identities."""
    await erase_members(tx, context.vault, events)
