"""The scoring service: what can be computed about a customer, and when it changes."""

from pathlib import Path

from services.scoring import verify
from services.scoring.api import customers, fits, models
from services.scoring.events import customers as customer_events
from services.scoring.events import locking, purchases
from services.scoring.jobs import fits as fit_jobs
from services.scoring.jobs import labels as label_jobs
from services.scoring.settings import Settings
from services.scoring.storage import figures, tables
from shared.consume import BATCH_MAX
from shared.events.profile import (
    CustomerErased,
    CustomerMerged,
    CustomerRegistered,
    CustomerUnmerged,
    PurchaseRecorded,
    PurchaseReturned,
)
from shared.identity import identity_metadata
from shared.outbox.jobs import paged
from shared.service import Capability, Invariants, Job, Service

FITS_EVERY_SECONDS = 1.0
LABELS_EVERY_SECONDS = 5.0
EMBEDDED_BATCH_MAX = 200
"""Records of one transaction on SQLite, which works inline: 500 would stall the loop for twice as long."""

CAPABILITY = Capability(
    name="scoring",
    routers=(customers.router, models.router, fits.router),
    handlers={
        PurchaseRecorded: purchases.recorded,
        PurchaseReturned: purchases.returned,
        CustomerRegistered: customer_events.registered,
        CustomerMerged: customer_events.moved,
        CustomerUnmerged: customer_events.moved,
        CustomerErased: customer_events.erased,
    },
    lock=locking.lock,
    jobs=(
        Job("run_fits", fit_jobs.run, FITS_EVERY_SECONDS),
        paged("ring_timers", label_jobs.ring, every_seconds=LABELS_EVERY_SECONDS),
        Job("sweep_labels", label_jobs.sweep, label_jobs.SWEEP_SECONDS),
    ),
    tables=(identity_metadata, tables.metadata),
    gauges=figures.gauges,
    measures=figures.MEASURES,
    invariants=Invariants(verify.INVARIANTS.rules, verify.INVARIANTS.look, verify.drift),
)


def service(settings: Settings) -> Service:
    """Return the table of contents."""
    return Service(
        title="Huitou scoring",
        description=(
            "What a customer is worth and whether they will come back: RFM with segments, BG/NBD and Gamma-Gamma, "
            "as of any moment, from every purchase and return."
        ),
        settings=settings,
        capabilities=(CAPABILITY,),
        migrations=Path(__file__).parent / "storage" / "migrations",
        inbox=False,
        batch_max=EMBEDDED_BATCH_MAX if settings.database.startswith("sqlite") else BATCH_MAX,
    )
