"""The tiers capability: the level that a member's spend of the trailing window reaches."""

from services.loyalty.tiers.api import tiers
from services.loyalty.tiers.invariants import INVARIANTS
from services.loyalty.tiers.jobs import RESTATE_TIERS, SETTLE_DUE
from shared.service import Capability

CAPABILITY = Capability(
    name="tiers",
    routers=(tiers.router,),
    jobs=(SETTLE_DUE, RESTATE_TIERS),
    invariants=INVARIANTS,
)
