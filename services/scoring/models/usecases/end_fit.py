"""End a fit whose job failed or was cancelled."""

from dataclasses import replace

from services.scoring.models.domain.fit import Failure
from services.scoring.models.storage import fits
from shared import jobs
from shared.db import Tx


async def end_fit(tx: Tx, job_id: str) -> None:
    """Store that the fit of a job made no version. A fit that has ended already is left as it is."""
    job, fit = await jobs.find(tx, job_id), await fits.find_of_job(tx, job_id)
    if job is None or fit is None or fit.status != "queued":
        return
    failure: Failure = "cancelled" if job.state == "cancelled" else "cut_off"
    ended = replace(fit, status="failed", failure=failure, started_at=job.started_at, finished_at=tx.now)
    await fits.write_end(tx, ended)
