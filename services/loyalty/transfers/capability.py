"""The transfers capability: members give points to each other."""

from services.loyalty.transfers.api import transfers
from services.loyalty.transfers.invariants import INVARIANTS
from services.loyalty.transfers.storage.tables import metadata
from shared.service import Capability

CAPABILITY = Capability(
    name="transfers", routers=(transfers.router,), tables=(metadata,), invariants=INVARIANTS
)
