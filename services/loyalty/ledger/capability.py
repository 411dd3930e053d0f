"""The ledger capability: wallets, the lots in them, and the postings that move points."""

from services.loyalty.ledger.api import adjustments, lots
from services.loyalty.ledger.invariants import INVARIANTS
from services.loyalty.ledger.storage import figures, programme_tables
from services.loyalty.ledger.storage.tables import metadata
from services.loyalty.ledger.storage.wallets import customer_of
from shared.service import Capability

CAPABILITY = Capability(
    name="ledger",
    routers=(lots.router, adjustments.router),
    approvables=(adjustments.APPROVABLE,),
    customer_of=customer_of,
    tables=(metadata, programme_tables.metadata),
    gauges=figures.gauges,
    measures=figures.MEASURES,
    invariants=INVARIANTS,
)
