"""The rewards capability: members claim gifts, tickets and the like for their points."""

from services.loyalty.rewards.api import changes, claims, offers, rewards
from services.loyalty.rewards.invariants import INVARIANTS
from services.loyalty.rewards.storage.tables import metadata
from shared.service import Capability

CAPABILITY = Capability(
    name="rewards",
    routers=(rewards.router, offers.router, claims.router, changes.router),
    tables=(metadata,),
    invariants=INVARIANTS,
)
