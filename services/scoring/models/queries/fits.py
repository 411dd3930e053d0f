"""Read fits and what they made."""

from dataclasses import dataclass, replace

from services.scoring.models.domain.fit import Fit
from services.scoring.models.domain.models import Model
from services.scoring.models.storage import fits, models
from shared import jobs
from shared.db import Read


@dataclass(frozen=True, slots=True)
class FitResult:
    """A fit with the version of the model that it made; None until it is done, and when it failed."""

    fit: Fit
    model: Model | None


async def find_fit(read: Read, fit_id: str) -> FitResult | None:
    """Return a fit with its result; None when no fit has this id."""
    fit = await fits.find(read, fit_id)
    if fit is None:
        return None
    if fit.status == "queued" and fit.job_id is not None:
        job = await jobs.find(read, fit.job_id)
        if job is not None and job.state == "running":
            fit = replace(fit, status="running", started_at=job.started_at)
    model = None
    if fit.version is not None:
        model = await models.version(read, fit.kind, fit.currency, fit.version)
    return FitResult(fit, model)
