"""The feedback service: complaints, and whether they were put right in time."""

from pathlib import Path

from services.feedback.casefiles.capability import CAPABILITY as CASEFILES
from services.feedback.complaints.capability import CAPABILITY as COMPLAINTS
from services.feedback.customers.capability import CAPABILITY as CUSTOMERS
from services.feedback.erasure.capability import CAPABILITY as ERASURE
from services.feedback.orders.capability import CAPABILITY as ORDERS
from services.feedback.remedies.capability import CAPABILITY as REMEDIES
from services.feedback.settings import Settings
from services.feedback.sla.capability import CAPABILITY as SLA
from shared.service import Service


def service(settings: Settings) -> Service:
    """Return the table of contents."""
    return Service(
        title="Huitou feedback",
        description="Complaints with clocks that are kept, remedies that pay, and follow-ups that are recorded.",
        settings=settings,
        capabilities=(CUSTOMERS, ORDERS, SLA, COMPLAINTS, REMEDIES, CASEFILES, ERASURE),
        migrations=Path(__file__).parent / "storage" / "migrations",
    )
