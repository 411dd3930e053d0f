"""Store what a fit has found as a version, and put it in force if its gates are open."""

from dataclasses import replace
from zoneinfo import ZoneInfo

from services.scoring.domain.models import PREPARATION, Model, Status
from services.scoring.domain.statements import RFM
from services.scoring.domain.training import Outcome
from services.scoring.storage import fits, models, sweeps
from services.scoring.storage.fits import Fit
from services.scoring.storage.sweeps import Sweep
from shared.db import Tx


async def publish_model(tx: Tx, fit: Fit, outcome: Outcome, zone: ZoneInfo) -> Model | None:
    """End a fit with its outcome; return the version it made, None when there was nothing to fit.

    New cut points start a sweep over all labels. A fit that has ended already is left as it is.
    """
    current = await fits.find(tx, fit.fit_id)
    if current is None or current.status != "running":
        return None
    if outcome.parameters is None:
        await fits.write(tx, replace(current, status="failed", failure=outcome.failure, finished_at=tx.now))
        return None
    passed = all(outcome.gates.values())
    status: Status = "rejected" if not passed else "published" if fit.publish else "proposed"
    model = Model(
        kind=fit.kind,
        currency=fit.currency,
        version=await models.next_version(tx, fit.kind, fit.currency),
        until=fit.until,
        zone=zone.key,
        parameters=outcome.parameters,
        log_likelihood=outcome.log_likelihood,
        n=outcome.customers,
        unique_rows=outcome.unique_rows,
        preparation=PREPARATION,
        gates=outcome.gates,
        status=status,
        published_at=tx.now if status == "published" else None,
    )
    await models.add(tx, model)
    await fits.write(tx, replace(current, status="done", version=model.version, finished_at=tx.now))
    if fit.kind == RFM and status == "published":
        await sweeps.write(tx, Sweep(RFM, model.version, after_customer_id=""))
    return model
