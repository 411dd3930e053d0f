"""The facts: purchases and returns, the days and states recomputed from them, and the owner of each identity."""

from services.scoring.facts import invariants
from services.scoring.facts.events import customers, locking, purchases
from services.scoring.facts.storage import figures, tables
from shared.events.profile import (
    CustomerErased,
    CustomerMerged,
    CustomerRegistered,
    CustomerUnmerged,
    PurchaseRecorded,
    PurchaseReturned,
)
from shared.identity import customer_of, identity_metadata
from shared.service import Capability

CAPABILITY = Capability(
    name="facts",
    lock=locking.lock_batch,
    handlers={
        PurchaseRecorded: purchases.purchase_recorded,
        PurchaseReturned: purchases.purchase_returned,
        CustomerRegistered: customers.customer_registered,
        CustomerMerged: customers.customer_moved,
        CustomerUnmerged: customers.customer_moved,
        CustomerErased: customers.customer_erased,
    },
    customer_of=customer_of,
    tables=(identity_metadata, tables.metadata),
    gauges=figures.gauges,
    measures=figures.MEASURES,
    invariants=invariants.INVARIANTS,
)
