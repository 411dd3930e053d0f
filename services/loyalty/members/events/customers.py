"""Handle what happens to customers: registration, merge and unmerge, erasure."""

from collections.abc import Sequence

from services.loyalty.ledger.domain.owning import OwnerMove
from services.loyalty.members.usecases.enrol_members import enrol_members
from services.loyalty.members.usecases.erase_members import erase_members
from services.loyalty.members.usecases.move_owners import move_owners
from services.loyalty.settings import Settings
from shared.context import Context
from shared.db import Tx
from shared.events.profile import CustomerErased, CustomerMerged, CustomerRegistered, CustomerUnmerged


async def customer_registered(
    tx: Tx, context: Context[Settings], events: Sequence[CustomerRegistered]
) -> None:
    """Enrol new customers: the programme's enrolment is automatic."""
    await enrol_members(tx, [(event.identity_id, event.issuer) for event in events])


async def owner_changed(
    tx: Tx, context: Context[Settings], events: Sequence[CustomerMerged | CustomerUnmerged]
) -> None:
    """Follow merges and unmerges."""
    moves = [
        OwnerMove(event.identity_id, event.customer_id, event.ownership_version, event.occurred_at)
        for event in events
    ]
    await move_owners(tx, moves, {event.identity_id: event.cause for event in events})


async def customer_erased(tx: Tx, context: Context[Settings], events: Sequence[CustomerErased]) -> None:
    """Erase members."""
    await erase_members(tx, context, events)
