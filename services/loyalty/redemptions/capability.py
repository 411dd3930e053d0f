"""The redemptions capability: members spend points."""

from services.loyalty.redemptions.api import redemptions
from services.loyalty.redemptions.invariants import INVARIANTS
from services.loyalty.redemptions.storage.tables import metadata
from shared.service import Capability

CAPABILITY = Capability(
    name="redemptions", routers=(redemptions.router,), tables=(metadata,), invariants=INVARIANTS
)
