"""The purchases capability: what customers bought, and what they gave back."""

from services.profile.purchases.api import (
    claims,
    exports,
    imports,
    purchase_files,
    purchases,
    reading,
    return_files,
    returns,
)
from services.profile.purchases.events.waiting_returns import waiting_return_retried
from services.profile.purchases.invariants import INVARIANTS
from services.profile.purchases.storage import figures, waiting_returns
from services.profile.purchases.storage.tables import metadata
from services.profile.purchases.usecases.export_purchases import EXPORT
from services.profile.purchases.usecases.hand_over_overdue_returns import hand_over_overdue_returns
from services.profile.purchases.usecases.prune_claim_tries import prune_claim_tries
from shared.consume.parking import SWEEP_SECONDS
from shared.outbox.jobs import paged
from shared.service import Capability

PRUNE_EVERY_SECONDS = 60.0
"""The interval at which failed tries to claim a receipt that no longer count are deleted."""

CAPABILITY = Capability(
    name="purchases",
    routers=(purchases.router, claims.router, reading.router, returns.router, exports.router, imports.router),
    parked={waiting_returns.TYPE: waiting_return_retried},
    jobs=(
        paged("hand_over_overdue_returns", hand_over_overdue_returns, every_seconds=SWEEP_SECONDS),
        paged("prune_claim_tries", prune_claim_tries, every_seconds=PRUNE_EVERY_SECONDS),
    ),
    job_kinds=(EXPORT, purchase_files.IMPORT, return_files.IMPORT),
    tables=(metadata,),
    gauges=figures.gauges,
    measures=figures.MEASURES,
    invariants=INVARIANTS,
)
