"""The locks of a whole batch, before its first wave."""

from collections.abc import Sequence
from zoneinfo import ZoneInfo

from services.scoring.usecases.lock_customers import lock_customers
from shared.consume.handlers import Lock
from shared.db import Tx
from shared.events.base import Event
from shared.events.profile import CustomerMerged, CustomerUnmerged


def lock(zone: ZoneInfo) -> Lock:
    """Lock every identity that the batch names, and the states of their owners."""

    async def lock_batch(tx: Tx, events: Sequence[Event]) -> None:
        named = {name for event in events for name in event.identities}
        becoming = {
            event.customer_id for event in events if isinstance(event, CustomerMerged | CustomerUnmerged)
        }
        await lock_customers(tx, named, zone, becoming=becoming)

    return lock_batch
