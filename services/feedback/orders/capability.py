"""Orders: the purchases and returns that complaints refer to."""

from services.feedback.orders.events import purchases
from services.feedback.orders.invariants import INVARIANTS
from services.feedback.orders.storage import tables
from shared.events.profile import PurchaseRecorded, PurchaseReturned
from shared.service import Capability

CAPABILITY = Capability(
    name="orders",
    lock=purchases.lock,
    handlers={
        PurchaseRecorded: purchases.purchase_recorded,
        PurchaseReturned: purchases.purchase_returned,
    },
    tables=(tables.metadata,),
    invariants=INVARIANTS,
)
