"""The tiers capability: the level that a member's spend of the trailing window reaches."""

from services.loyalty.tiers.api import tiers
from services.loyalty.tiers.invariants import INVARIANTS
from services.loyalty.tiers.jobs import restate, settle
from shared.outbox.jobs import Job
from shared.service import Capability

SETTLE_EVERY_SECONDS = 5.0
RESTATE_EVERY_SECONDS = 5.0

CAPABILITY = Capability(
    name="tiers",
    routers=(tiers.router,),
    jobs=(
        Job("settle_due", settle, SETTLE_EVERY_SECONDS),
        Job("restate_tiers", restate, RESTATE_EVERY_SECONDS),
    ),
    invariants=INVARIANTS,
)
