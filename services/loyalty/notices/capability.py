"""The notices capability: other services are told ahead of what is about to happen to a member."""

from services.loyalty.notices.invariants import INVARIANTS
from services.loyalty.notices.jobs import TELL_EXPIRING
from services.loyalty.notices.storage.tables import metadata
from shared.service import Capability

CAPABILITY = Capability(name="notices", jobs=(TELL_EXPIRING,), tables=(metadata,), invariants=INVARIANTS)
