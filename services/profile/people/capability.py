"""The people capability: who customers are, and the identifiers that lead to them."""

from services.profile.people.api import customers
from services.profile.people.invariants import INVARIANTS
from services.profile.people.storage.tables import identity, metadata
from shared.service import Capability

CAPABILITY = Capability(
    name="people",
    routers=(customers.router,),
    tables=(metadata,),
    versions=(identity.c.ownership_version, identity.c.record_version),
    invariants=INVARIANTS,
)
