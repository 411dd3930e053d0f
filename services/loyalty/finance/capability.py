"""The finance capability: what the points of all members come to, and how that came about. It only reads the ledger."""

from services.loyalty.finance.api import liability, roll_forward
from services.loyalty.finance.invariants import INVARIANTS
from services.loyalty.finance.jobs import EVERY_SECONDS, SHARE_MAX, close_months
from services.loyalty.finance.storage.tables import metadata
from shared.outbox.jobs import Job
from shared.service import Capability

CAPABILITY = Capability(
    name="finance",
    routers=(liability.router, roll_forward.router),
    jobs=(Job("close_months", close_months, EVERY_SECONDS, SHARE_MAX),),
    tables=(metadata,),
    invariants=INVARIANTS,
)
