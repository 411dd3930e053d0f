"""Take up the next fit that waits."""

from dataclasses import replace

from services.scoring.storage import fits
from services.scoring.storage.fits import Fit
from shared.db import Tx

ATTEMPTS_MAX = 3


async def begin_fit(tx: Tx) -> Fit | None:
    """Mark the oldest waiting fit as running and return it; None when none waits.

    One that was cut off three times is given up, so that it cannot keep the others waiting.
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
