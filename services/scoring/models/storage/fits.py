"""The rows of fits."""

from sqlalchemy import select

from services.scoring.models.domain.fit import Fit
from services.scoring.models.storage.tables import fit
from shared.db import Read, Tx

_NEXT_WAITING = (  # Built once, because it is read every second, and building it costs more than running it.
    select(fit).where(fit.c.status.in_(("queued", "running"))).order_by(fit.c.fit_id).limit(1)
)
_PROGRESS = ("status", "attempts", "started_at", "finished_at", "version", "failure")


async def add(tx: Tx, new: Fit) -> None:
    """Store a fit that waits."""
    await tx.insert_records(fit, [new])


async def find(read: Read, fit_id: str) -> Fit | None:
    """Return a fit by its id."""
    return await read.read_record(Fit, select(fit).where(fit.c.fit_id == fit_id))


async def next_waiting(read: Read) -> Fit | None:
    """Return the oldest fit that has not ended.

    A running fit was cut off, because only the holder of the service's lease runs fits.
    """
    return await read.read_record(Fit, _NEXT_WAITING)


async def write(tx: Tx, changed: Fit) -> None:
    """Store how far a fit is."""
    await tx.update_records(fit, [changed], key=["fit_id"], columns=_PROGRESS)
