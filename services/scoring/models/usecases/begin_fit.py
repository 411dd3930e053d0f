"""Begin the next fit that waits."""

from dataclasses import replace

from services.scoring.models.domain.fit import Fit
from services.scoring.models.storage import fits
from shared.db import Tx

ATTEMPTS_MAX = 3


async def begin_fit(tx: Tx) -> Fit | None:
    """Mark the oldest waiting fit as running and return it; None when none waits.

    A fit that was cut off ATTEMPTS_MAX times is given up, so that it cannot block the others.
    """
    fit = await fits.next_waiting(tx)
    if fit is None:
        return None
    if fit.attempts >= ATTEMPTS_MAX:
        await fits.write(tx, replace(fit, status="failed", failure="cut_off", finished_at=tx.now))
        return await begin_fit(tx)
    begun = replace(fit, status="running", attempts=fit.attempts + 1, started_at=tx.now)
    await fits.write(tx, begun)
    return begun
