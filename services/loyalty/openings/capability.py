"""The openings capability: a shop that comes from another system brings the points of its members."""

from functools import partial

from services.loyalty.openings.api import imports
from services.loyalty.openings.api.opening_files import READER
from services.loyalty.openings.invariants import INVARIANTS
from services.loyalty.openings.storage.tables import metadata
from services.loyalty.openings.usecases.import_openings import import_openings
from shared.jobs import JobKind
from shared.service import Capability

IMPORT = JobKind(
    operation=READER.operation,
    prepare=READER.prepare,
    step=partial(import_openings, reader=READER),
    file=READER.result,
)

CAPABILITY = Capability(
    name="openings",
    routers=(imports.router,),
    job_kinds=(IMPORT,),
    tables=(metadata,),
    invariants=INVARIANTS,
)
