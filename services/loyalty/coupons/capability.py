"""The coupons capability: codes unlock promotions of carts, and are used as often as the shop allows."""

from services.loyalty.coupons.api import batches, coupons
from services.loyalty.coupons.events.returns import purchase_recorded, purchase_returned
from services.loyalty.coupons.invariants import INVARIANTS
from services.loyalty.coupons.storage.tables import metadata
from services.loyalty.coupons.usecases.make_codes import MAKE
from shared.events.profile import PurchaseRecorded, PurchaseReturned
from shared.service import Capability

CAPABILITY = Capability(
    name="coupons",
    routers=(coupons.router, batches.router),
    handlers={PurchaseRecorded: purchase_recorded, PurchaseReturned: purchase_returned},
    job_kinds=(MAKE,),
    tables=(metadata,),
    invariants=INVARIANTS,
)
