"""Which event leads to which use case; every effect is recomputed from facts, so there is no inbox."""

from zoneinfo import ZoneInfo

from services.scoring.events import customers, purchases
from services.scoring.events.locking import lock
from services.scoring.settings import Settings
from shared.consume import BATCH_MAX, Handlers
from shared.events.profile import (
    CustomerErased,
    CustomerMerged,
    CustomerRegistered,
    CustomerUnmerged,
    PurchaseRecorded,
    PurchaseReturned,
)

EMBEDDED_BATCH_MAX = 200
"""Records of one transaction on SQLite, which works inline: 500 would stall the loop for twice as long."""


def handlers(settings: Settings) -> Handlers:
    """The consumer `scoring`."""
    zone = ZoneInfo(settings.zone)
    return Handlers(
        consumer="scoring",
        lock=lock(zone),
        inbox=False,
        batch_max=EMBEDDED_BATCH_MAX if settings.database.startswith("sqlite") else BATCH_MAX,
        table={
            PurchaseRecorded: purchases.recorded(zone),
            PurchaseReturned: purchases.returned(zone),
            CustomerRegistered: customers.registered,
            CustomerMerged: customers.moved(zone),
            CustomerUnmerged: customers.moved(zone),
            CustomerErased: customers.erased(zone),
        },
    )
