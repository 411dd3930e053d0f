"""Customers: who is registered, who belongs to whom, who was erased."""

from collections.abc import Sequence

from services.feedback.settings import Settings
from services.feedback.usecases.erase_customer import erase_customer
from services.feedback.usecases.move_owners import move_owners
from shared import identity
from shared.context import Context
from shared.db import Tx
from shared.events.profile import CustomerErased, CustomerMerged, CustomerRegistered, CustomerUnmerged
from shared.identity import Move


async def registered(tx: Tx, context: Context[Settings], events: Sequence[CustomerRegistered]) -> None:
    """Remember the identities."""
    await identity.lock(tx, (event.identity_id for event in events))


async def moved(
    tx: Tx, context: Context[Settings], events: Sequence[CustomerMerged | CustomerUnmerged]
) -> None:
    """Follow merges and unmerges."""
    await move_owners(
        tx, [Move(event.identity_id, event.customer_id, event.ownership_version) for event in events]
    )


async def erased(tx: Tx, context: Context[Settings], events: Sequence[CustomerErased]) -> None:
    """Forget erased identities."""
    for event in events:
        await erase_customer(
            tx,
            context.vault,
            identity_id=event.identity_id,
            erasure_id=event.erasure_id,
            erased_at=event.occurred_at,
            grace=context.settings.sla_grace,
        )
