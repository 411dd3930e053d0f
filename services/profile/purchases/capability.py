"""The purchases capability: what customers bought, and what they gave back."""

from services.profile.purchases.api import purchases, returns
from services.profile.purchases.events.waiting_returns import retried
from services.profile.purchases.invariants import INVARIANTS
from services.profile.purchases.storage import returns as return_rows
from services.profile.purchases.storage.tables import metadata
from services.profile.purchases.usecases.bury_overdue_returns import bury_overdue_returns
from shared.outbox.jobs import paged
from shared.service import Capability

CAPABILITY = Capability(
    name="purchases",
    routers=(purchases.router, returns.router),
    parked={return_rows.WAITING: retried},
    jobs=(paged("bury_overdue_returns", bury_overdue_returns, every_seconds=3_600),),
    tables=(metadata,),
    invariants=INVARIANTS,
)
