"""The purchases capability: what customers bought, and what they gave back."""

from functools import partial

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
from services.profile.purchases.usecases.import_purchases import import_purchases
from services.profile.purchases.usecases.import_returns import import_returns
from services.profile.purchases.usecases.prune_claim_tries import prune_claim_tries
from shared.consume.parking import SWEEP_SECONDS
from shared.jobs import JobKind
from shared.outbox.jobs import paged
from shared.service import Capability

PRUNE_EVERY_SECONDS = 60.0
"""The interval at which failed tries to claim a receipt that no longer count are deleted."""

IMPORT_OF_PURCHASES = JobKind(
    operation=purchase_files.READER.operation,
    prepare=purchase_files.READER.prepare,
    step=partial(import_purchases, reader=purchase_files.READER),
    file=purchase_files.READER.result,
)
IMPORT_OF_RETURNS = JobKind(
    operation=return_files.READER.operation,
    prepare=return_files.READER.prepare,
    step=partial(import_returns, reader=return_files.READER),
    file=return_files.READER.result,
)

CAPABILITY = Capability(
    name="purchases",
    routers=(purchases.router, claims.router, reading.router, returns.router, exports.router, imports.router),
    parked={waiting_returns.TYPE: waiting_return_retried},
    jobs=(
        paged("hand_over_overdue_returns", hand_over_overdue_returns, every_seconds=SWEEP_SECONDS),
        paged("prune_claim_tries", prune_claim_tries, every_seconds=PRUNE_EVERY_SECONDS),
    ),
    job_kinds=(EXPORT, IMPORT_OF_PURCHASES, IMPORT_OF_RETURNS),
    tables=(metadata,),
    gauges=figures.gauges,
    measures=figures.MEASURES,
    invariants=INVARIANTS,
)
