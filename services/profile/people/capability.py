"""The people capability: who customers are, and the identifiers that lead to them."""

from services.profile.people.api import customers
from services.profile.people.invariants import INVARIANTS
from services.profile.people.queries.ownership import customer_of, find_external
from services.profile.people.storage.tables import identity, metadata
from services.profile.people.usecases.tell_old_references import tell_old_references
from shared.outbox.jobs import paged
from shared.service import Capability

CAPABILITY = Capability(
    name="people",
    routers=(customers.router,),
    jobs=(paged("tell_old_references", tell_old_references, every_seconds=60, pages_max=1_000),),
    find_external=find_external,
    customer_of=customer_of,
    tables=(metadata,),
    versions=(identity.c.ownership_version, identity.c.record_version),
    invariants=INVARIANTS,
)
