"""The feedback service: complaints, and whether they were put right in time."""

from pathlib import Path

from services.feedback.casefiles import capability as casefiles
from services.feedback.complaints import capability as complaints
from services.feedback.customers import capability as customers
from services.feedback.erasure import capability as erasure
from services.feedback.orders import capability as orders
from services.feedback.remedies import capability as remedies
from services.feedback.settings import Settings
from services.feedback.sla import capability as sla
from shared import references
from shared.service import Service


def service(settings: Settings) -> Service:
    """Return the table of contents."""
    return Service(
        title="Huitou feedback",
        description="Complaints with clocks that are kept, remedies that pay, and follow-ups that are recorded.",
        tags={
            "complaints": "Complaints: their messages, their actions, their clocks, and the whole case file.",
            "remedies": "Points that are granted on a complaint.",
        },
        settings=settings,
        capabilities=(
            references.CAPABILITY,
            customers.CAPABILITY,
            orders.CAPABILITY,
            sla.CAPABILITY,
            complaints.CAPABILITY,
            remedies.CAPABILITY,
            casefiles.CAPABILITY,
            erasure.CAPABILITY,
        ),
        migrations=Path(__file__).parent / "storage" / "migrations",
    )
