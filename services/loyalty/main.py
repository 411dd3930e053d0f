"""The loyalty service: points, each traceable to what earned it, and tiers."""

from pathlib import Path

from services.loyalty import jobs, verify
from services.loyalty.api import adjustments, ledger, members, redemptions
from services.loyalty.events import customers, locking, purchases, remedies
from services.loyalty.settings import Settings
from services.loyalty.storage import figures, tables
from shared.events.feedback import RemedyGranted
from shared.events.profile import (
    CustomerErased,
    CustomerMerged,
    CustomerRegistered,
    CustomerUnmerged,
    PurchaseRecorded,
    PurchaseReturned,
)
from shared.outbox.jobs import paged
from shared.service import Capability, Invariants, Job, Service

SETTLE_EVERY_SECONDS = 5.0
END_WAITING_EVERY_SECONDS = 5.0

CAPABILITY = Capability(
    name="loyalty",
    routers=(members.router, ledger.router, adjustments.router, redemptions.router),
    handlers={
        PurchaseRecorded: purchases.recorded,
        PurchaseReturned: purchases.returned,
        CustomerRegistered: customers.registered,
        CustomerMerged: customers.moved,
        CustomerUnmerged: customers.moved,
        CustomerErased: customers.erased,
        RemedyGranted: remedies.granted,
    },
    lock=locking.lock,
    jobs=(
        Job("settle_due", jobs.settle, SETTLE_EVERY_SECONDS),
        paged("end_waiting", jobs.end_waiting, every_seconds=END_WAITING_EVERY_SECONDS),
    ),
    tables=(tables.metadata,),
    gauges=figures.gauges,
    measures=figures.MEASURES,
    invariants=Invariants(verify.INVARIANTS.rules, verify.INVARIANTS.look, verify.drift),
)


def service(settings: Settings) -> Service:
    """Return the table of contents."""
    return Service(
        title="Huitou loyalty",
        description=(
            "Points and tiers: every point traceable to the order line that earned it, given back exactly when it is "
            "returned, and never spent twice."
        ),
        settings=settings,
        capabilities=(CAPABILITY,),
        migrations=Path(__file__).parent / "storage" / "migrations",
    )
