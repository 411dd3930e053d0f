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
from services.profile.purchases.jobs import HAND_OVER_OVERDUE_RETURNS, PRUNE_CLAIM_TRIES
from services.profile.purchases.storage import figures, waiting_returns
from services.profile.purchases.storage.tables import metadata
from services.profile.purchases.usecases.export_purchases import EXPORT
from services.profile.purchases.usecases.import_purchases import import_purchases
from services.profile.purchases.usecases.import_returns import import_returns
from shared.jobs import JobKind
from shared.service import Capability

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
    jobs=(HAND_OVER_OVERDUE_RETURNS, PRUNE_CLAIM_TRIES),
    job_kinds=(EXPORT, IMPORT_OF_PURCHASES, IMPORT_OF_RETURNS),
    tables=(metadata,),
    gauges=figures.gauges,
    measures=figures.MEASURES,
    invariants=INVARIANTS,
)
