"""Take the locks of a whole batch before its first wave."""

from collections.abc import Sequence

from services.scoring.facts.steps.lock_customers import lock_customers
from services.scoring.settings import Settings
from shared.context import Context
from shared.db import Tx
from shared.events.base import Event
from shared.events.profile import CustomerMerged, CustomerUnmerged


async def lock_batch(tx: Tx, context: Context[Settings], events: Sequence[Event]) -> None:
    """Lock every identity that the batch names, and the states of their owners."""
    named = {identity_id for event in events for identity_id in event.identities}
    new_owners = {
        event.customer_id for event in events if isinstance(event, CustomerMerged | CustomerUnmerged)
    }
    await lock_customers(tx, context, named, new_owners=new_owners)
