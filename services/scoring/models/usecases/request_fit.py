"""Ask for a fit."""

from dataclasses import dataclass
from datetime import date

from services.scoring.facts.queries.zone import check_zone
from services.scoring.models.domain.fit import Fit
from services.scoring.models.domain.kinds import Kind
from services.scoring.models.domain.training import Computation
from services.scoring.models.refusals import FitBeyondToday
from services.scoring.models.storage import fits
from services.scoring.settings import Settings
from shared import ids, jobs, money
from shared.auth.principal import Principal
from shared.context import Context
from shared.db import Tx
from shared.local_time import local_day

OPERATION = "request_fit"
"""The operation by which a fit is asked for, which names its kind of job."""
PER_CURRENCY: frozenset[Kind] = frozenset({"gamma_gamma"})
"""The kinds of models that are fitted per currency."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FitRequest:
    """A request for a fit. `until` None means today, `currency` None the shop's currency."""

    kind: Kind
    currency: str | None
    until: date | None
    publish: bool
    round_days: bool


async def request_fit(tx: Tx, context: Context[Settings], request: FitRequest, caller: Principal) -> Fit:
    """Queue a fit to the data up to and including a day, and the job that does it. Raises TooManyJobs."""
    currency = request.currency or context.settings.currency if request.kind in PER_CURRENCY else ""
    if currency:
        money.exponent(currency)
    await check_zone(tx, context)
    today = local_day(tx.now, context.settings.time_zone)
    if request.until is not None and request.until > today:
        raise FitBeyondToday(today=today, until=request.until)
    until = request.until or today
    fit_id = ids.new_id("fit")
    job = await jobs.begin(
        tx,
        context.vault,
        OPERATION,
        caller,
        parameters=Computation(fit_id=fit_id).model_dump_json(),
        asked={
            "fit_id": fit_id,
            "kind": request.kind,
            "currency": currency or None,
            "until": until.isoformat(),
            "publish": request.publish,
            "round_days": request.round_days,
        },
        total=1,
    )
    fit = Fit(
        fit_id=fit_id,
        kind=request.kind,
        currency=currency,
        until=until,
        publish=request.publish,
        round_days=request.round_days,
        status="queued",
        requested_by=caller.key,
        requested_at=tx.now,
        job_id=job.id,
    )
    await fits.add(tx, fit)
    return fit
