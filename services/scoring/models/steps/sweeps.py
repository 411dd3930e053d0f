"""Follow a newly published version through all customers."""

from services.scoring.models.domain.kinds import Kind
from services.scoring.models.domain.sweep import Sweep
from services.scoring.models.storage import sweeps
from shared.db import Read, Tx


async def unfinished_sweep(read: Read, kind: Kind) -> Sweep | None:
    """Return the sweep that is under way; None if all customers were judged with the newest version."""
    return await sweeps.unfinished(read, kind)


async def write_sweep(tx: Tx, sweep: Sweep) -> None:
    """Begin, continue or finish the sweep of a kind of model."""
    await sweeps.write(tx, sweep)
