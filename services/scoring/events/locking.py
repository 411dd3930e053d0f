"""The locks of a whole batch, before its first wave."""

from collections.abc import Sequence

from services.scoring.settings import Settings
from services.scoring.usecases.lock_customers import lock_customers
from shared.context import Context
from shared.db import Tx
from shared.events.base import Event
from shared.events.profile import CustomerMerged, CustomerUnmerged


async def lock(tx: Tx, context: Context[Settings], events: Sequence[Event]) -> None:
    """Lock every identity that the batch names, and the states of their owners."""
    named = {name for event in events for name in event.identities}
    becoming = {event.customer_id for event in events if isinstance(event, CustomerMerged | CustomerUnmerged)}
    await lock_customers(tx, named, context.settings.time_zone, becoming=becoming)
