"""The remedies capability: points that were promised for a complaint are credited once, or refused once."""

from services.loyalty.remedies.events.remedies import END_OVERDUE_REMEDIES, lock, remedy_granted
from services.loyalty.remedies.invariants import INVARIANTS
from services.loyalty.remedies.storage.tables import metadata
from shared.events.feedback import RemedyGranted
from shared.service import Capability

CAPABILITY = Capability(
    name="remedies",
    lock=lock,
    handlers={RemedyGranted: remedy_granted},
    jobs=(END_OVERDUE_REMEDIES,),
    tables=(metadata,),
    invariants=INVARIANTS,
)
