"""Complaints: opened, talked about, and moved through their states until they are closed."""

from services.feedback.complaints.api import complaints, messages, transitions
from services.feedback.complaints.invariants import INVARIANTS
from services.feedback.complaints.storage import figures, tables
from services.feedback.complaints.storage.complaints import owner_of
from services.feedback.complaints.usecases.fire_clocks import fire_clocks
from shared.outbox.jobs import paged
from shared.service import Capability

CAPABILITY = Capability(
    name="complaints",
    routers=(complaints.router, messages.router, transitions.router),
    find_owners={"complaint_id": owner_of},
    jobs=(paged("fire_clocks", fire_clocks, every_seconds=1),),
    tables=(tables.metadata,),
    gauges=figures.gauges,
    measures=figures.MEASURES,
    invariants=INVARIANTS,
)
