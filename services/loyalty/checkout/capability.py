"""The checkout capability: a cart is quoted, points are held for it, and its order is paid with them."""

from services.loyalty.checkout.api import changes, holds, offers, prices, quotes
from services.loyalty.checkout.invariants import INVARIANTS
from services.loyalty.checkout.storage.tables import metadata
from shared.service import Capability

CAPABILITY = Capability(
    name="checkout",
    routers=(quotes.router, offers.router, prices.router, holds.router, changes.router),
    tables=(metadata,),
    invariants=INVARIANTS,
)
