"""The people capability: who customers are, and the identifiers that lead to them."""

from services.profile.people.api import customers
from services.profile.people.invariants import INVARIANTS
from services.profile.people.storage.tables import metadata
from shared.service import Capability

CAPABILITY = Capability(name="people", routers=(customers.router,), tables=(metadata,), invariants=INVARIANTS)
