"""The rows of fits."""

from sqlalchemy import select

from services.scoring.models.domain.fit import Fit
from services.scoring.models.storage.tables import fit
from shared.db import Read, Tx

_END = ("status", "started_at", "finished_at", "version", "failure")


async def add(tx: Tx, new: Fit) -> None:
    """Store a fit that waits."""
    await tx.insert_records(fit, [new])


async def find(read: Read, fit_id: str) -> Fit | None:
    """Return a fit by its id."""
    return await read.read_record(Fit, select(fit).where(fit.c.fit_id == fit_id))


async def find_of_job(read: Read, job_id: str) -> Fit | None:
    """Return the fit that a job does; None if the job does none."""
    return await read.read_record(Fit, select(fit).where(fit.c.job_id == job_id))


async def write_end(tx: Tx, ended: Fit) -> None:
    """Store how a fit ended."""
    await tx.update_records(fit, [ended], key=["fit_id"], columns=_END)
