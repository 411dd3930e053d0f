"""The labels: the label of each customer now, when it changes by itself, and the events about changes."""

from services.scoring.labels import events, jobs
from services.scoring.labels.storage import figures, tables
from services.scoring.labels.usecases.relabel_due import relabel_due
from shared.events.profile import (
    CustomerErased,
    CustomerMerged,
    CustomerUnmerged,
    PurchaseRecorded,
    PurchaseReturned,
)
from shared.outbox.jobs import paged
from shared.service import Capability, Job

TIMERS_EVERY_SECONDS = 5.0

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
        paged("relabel_due", relabel_due, every_seconds=TIMERS_EVERY_SECONDS),
        Job("sweep_labels", jobs.sweep, jobs.SWEEP_SECONDS),
    ),
    tables=(tables.metadata,),
    gauges=figures.gauges,
    measures=figures.MEASURES,
)
