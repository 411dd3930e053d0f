"""The models: fits, their versions, which version is in force, and sweeps after new cut points."""

from services.scoring.models.api import fits, models
from services.scoring.models.jobs.fitting import FIT
from services.scoring.models.storage import figures, tables
from shared.service import Capability

CAPABILITY = Capability(
    name="models",
    routers=(models.router, fits.router),
    job_kinds=(FIT,),
    tables=(tables.metadata,),
    gauges=figures.gauges,
    measures=figures.MEASURES,
)
