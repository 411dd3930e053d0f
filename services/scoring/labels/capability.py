"""The labels: the label of each customer now, when it changes by itself, and the events about changes."""

from services.scoring.labels import events, jobs
from services.scoring.labels.storage import figures, tables
from shared.events.profile import (
    CustomerErased,
    CustomerMerged,
    CustomerUnmerged,
    PurchaseRecorded,
    PurchaseReturned,
)
from shared.service import Capability, Job

CAPABILITY = Capability(
    name="labels",
    handlers={
        PurchaseRecorded: events.facts_changed,
        PurchaseReturned: events.facts_changed,
        CustomerMerged: events.ownership_changed,
        CustomerUnmerged: events.ownership_changed,
        CustomerErased: events.ownership_changed,
    },
    jobs=(
        jobs.RELABEL_DUE,
        Job("sweep_labels", jobs.sweep, jobs.SWEEP_SECONDS),
    ),
    tables=(tables.metadata,),
    gauges=figures.gauges,
    measures=figures.MEASURES,
)
