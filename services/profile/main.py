"""The profile service: who customers are, and what they bought."""

from pathlib import Path

from services.profile import jobs, verify
from services.profile.api import customers, purchases, returns
from services.profile.events.waiting_returns import retried
from services.profile.settings import Settings
from services.profile.storage import returns as return_rows
from services.profile.storage import tables
from shared.outbox.jobs import paged
from shared.service import Capability, Invariants, Service

CAPABILITY = Capability(
    name="profile",
    routers=(customers.router, purchases.router, returns.router),
    parked={return_rows.WAITING: retried},
    jobs=(paged("bury_overdue_returns", jobs.bury_returns, every_seconds=3_600),),
    tables=(tables.metadata,),
    invariants=Invariants(verify.INVARIANTS.rules, verify.INVARIANTS.look, verify.drift),
)


def service(settings: Settings) -> Service:
    """Return the table of contents."""
    return Service(
        title="Huitou profile",
        description="Takes in purchases and returns, finds whose they are, and keeps the customer record.",
        settings=settings,
        capabilities=(CAPABILITY,),
        migrations=Path(__file__).parent / "storage" / "migrations",
    )
