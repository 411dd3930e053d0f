"""Erasures, as profile publishes them."""

from collections.abc import Sequence

from services.feedback.erasure.usecases.erase_customer import erase_customer
from services.feedback.settings import Settings
from shared.context import Context
from shared.db import Tx
from shared.events.profile import CustomerErased


async def customer_erased(tx: Tx, context: Context[Settings], events: Sequence[CustomerErased]) -> None:
    """Forget erased identities."""
    for event in events:
        await erase_customer(
            tx,
            context,
            identity_id=event.identity_id,
            erasure_id=event.erasure_id,
            erased_at=event.occurred_at,
        )
