"""Customers: who is registered, who belongs to whom, who was erased."""

from collections.abc import Callable, Sequence
from datetime import timedelta

from services.feedback.usecases.erase_customer import erase_customer
from services.feedback.usecases.move_owners import move_owners
from shared import identity
from shared.consume.handlers import Handle
from shared.db import Tx
from shared.events.profile import CustomerErased, CustomerMerged, CustomerRegistered, CustomerUnmerged
from shared.identity import Move
from shared.vault import Vault


async def registered(tx: Tx, events: Sequence[CustomerRegistered]) -> None:
    """Remember the identities."""
    await identity.lock(tx, (event.identity_id for event in events))


async def moved(tx: Tx, events: Sequence[CustomerMerged | CustomerUnmerged]) -> None:
    """Follow merges and unmerges."""
    await move_owners(
        tx, [Move(event.identity_id, event.customer_id, event.ownership_version) for event in events]
    )


def erased(vault: Callable[[], Vault], grace: timedelta) -> Handle:
    """Forget erased identities."""

    async def apply(tx: Tx, events: Sequence[CustomerErased]) -> None:
        for event in events:
            await erase_customer(
                tx,
                vault(),
                identity_id=event.identity_id,
                erasure_id=event.erasure_id,
                erased_at=event.occurred_at,
                grace=grace,
            )

    return apply
