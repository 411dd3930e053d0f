"""SLA: promises to customers, and the clocks that are held against them."""

from services.feedback.sla.invariants import INVARIANTS
from services.feedback.sla.storage import figures, tables
from shared.service import Capability

CAPABILITY = Capability(
    name="sla",
    tables=(tables.metadata,),
    gauges=figures.gauges,
    measures=figures.MEASURES,
    invariants=INVARIANTS,
)
