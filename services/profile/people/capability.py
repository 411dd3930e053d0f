"""The people capability: who customers are, and the identifiers that lead to them."""

from services.profile.people.api import customers
from services.profile.people.invariants import INVARIANTS
from services.profile.people.jobs import TELL_OLD_REFERENCES
from services.profile.people.queries.ownership import customer_of, find_external
from services.profile.people.storage.tables import identity, metadata
from shared.service import Capability

CAPABILITY = Capability(
    name="people",
    routers=(customers.router,),
    jobs=(TELL_OLD_REFERENCES,),
    find_external=find_external,
    customer_of=customer_of,
    tables=(metadata,),
    versions=(identity.c.ownership_version, identity.c.record_version),
    invariants=INVARIANTS,
)
