"""Store the outcome of a fit as a version, and put it in force if it passed."""

from dataclasses import replace

from services.scoring.models.domain.fit import Fit
from services.scoring.models.domain.models import PREPARATION, Model, Status
from services.scoring.models.domain.sweep import Sweep
from services.scoring.models.domain.training import Outcome
from services.scoring.models.storage import fits, models, sweeps
from services.scoring.settings import Settings
from shared.context import Context
from shared.db import Tx


async def publish_model(tx: Tx, context: Context[Settings], fit: Fit, outcome: Outcome) -> Model | None:
    """End a fit with its outcome; return the version it made, None when there was nothing to fit.

    New cut points start a sweep over all labels. The caller has claimed the job of the fit, so the fit has not ended.
    """
    if outcome.parameters is None:
        await fits.write_end(tx, replace(fit, status="failed", failure=outcome.failure, finished_at=tx.now))
        return None
    status: Status = "rejected" if not outcome.passed else "published" if fit.publish else "proposed"
    model = Model(
        kind=fit.kind,
        currency=fit.currency,
        version=await models.next_version(tx, fit.kind, fit.currency),
        until=fit.until,
        zone=context.settings.zone,
        parameters=outcome.parameters,
        log_likelihood=outcome.log_likelihood,
        customers=outcome.customers,
        unique_rows=outcome.unique_rows,
        preparation=PREPARATION,
        gates=outcome.gates,
        figures=outcome.figures,
        status=status,
        published_at=tx.now if status == "published" else None,
    )
    await models.add(tx, model)
    await fits.write_end(tx, replace(fit, status="done", version=model.version, finished_at=tx.now))
    if fit.kind == "rfm" and status == "published":
        await sweeps.write(tx, Sweep(fit.kind, model.version, after_customer_id=""))
    return model
