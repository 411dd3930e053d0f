"""Complaints: opened, talked about, and moved through their states until they are closed."""

from services.feedback.complaints.api import complaints, messages, transitions
from services.feedback.complaints.invariants import INVARIANTS
from services.feedback.complaints.jobs import FIRE_CLOCKS
from services.feedback.complaints.storage import figures, tables
from services.feedback.complaints.storage.complaints import owner_of
from shared.service import Capability

CAPABILITY = Capability(
    name="complaints",
    routers=(complaints.router, messages.router, transitions.router),
    find_owners={"complaint_id": owner_of},
    jobs=(FIRE_CLOCKS,),
    tables=(tables.metadata,),
    gauges=figures.gauges,
    measures=figures.MEASURES,
    invariants=INVARIANTS,
)
