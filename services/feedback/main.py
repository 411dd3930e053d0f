"""The feedback service: what went wrong, and whether it was put right in time."""

from pathlib import Path

from services.feedback import jobs, verify
from services.feedback.api import complaints, courses, messages, remedies, transitions
from services.feedback.events import customers, locking, points, purchases
from services.feedback.settings import Settings
from services.feedback.storage import figures, tables
from shared.events.loyalty import PointsEarned, RemedyRefused
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
from shared.service import Capability, Invariants, Service

CAPABILITY = Capability(
    name="feedback",
    routers=(complaints.router, courses.router, messages.router, transitions.router, remedies.router),
    handlers={
        PurchaseRecorded: purchases.recorded,
        PurchaseReturned: purchases.returned,
        CustomerRegistered: customers.registered,
        CustomerMerged: customers.moved,
        CustomerUnmerged: customers.moved,
        CustomerErased: customers.erased,
        PointsEarned: points.earned,
        RemedyRefused: points.refused,
    },
    lock=locking.lock,
    jobs=(
        paged("fire_clocks", jobs.fire_due_clocks, every_seconds=1),
        paged("mark_overdue_remedies", jobs.mark_remedies, every_seconds=5),
        paged("bury_unknown_remedies", jobs.bury_answers, every_seconds=600),
    ),
    tables=(identity_metadata, tables.metadata),
    gauges=figures.gauges,
    measures=figures.MEASURES,
    invariants=Invariants(verify.INVARIANTS.rules, verify.INVARIANTS.look, verify.drift),
)


def service(settings: Settings) -> Service:
    """Return the table of contents."""
    return Service(
        title="Huitou feedback",
        description="Complaints with clocks that are kept, remedies that pay, and follow-ups that are recorded.",
        settings=settings,
        capabilities=(CAPABILITY,),
        migrations=Path(__file__).parent / "storage" / "migrations",
    )
