"""The activities capability: what members did other than buying, from which points and goals are counted."""

from services.loyalty.activities.invariants import INVARIANTS
from services.loyalty.activities.storage.tables import metadata
from shared.service import Capability

CAPABILITY = Capability(name="activities", tables=(metadata,), invariants=INVARIANTS)
