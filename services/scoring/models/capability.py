"""The models: fits, their versions, which version is in force, and sweeps after new cut points."""

from services.scoring.models.api import fits, models
from services.scoring.models.jobs.run_fits import run_fits
from services.scoring.models.storage import figures, tables
from shared.service import Capability, Job

FITS_EVERY_SECONDS = 1.0

CAPABILITY = Capability(
    name="models",
    routers=(models.router, fits.router),
    jobs=(Job("run_fits", run_fits, FITS_EVERY_SECONDS),),
    tables=(tables.metadata,),
    gauges=figures.gauges,
    measures=figures.MEASURES,
)
