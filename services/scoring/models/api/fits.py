"""The operations on fits: ask for one, and see how far it is."""

from datetime import date, datetime
from typing import Annotated

from fastapi import Path
from pydantic import Field
from typing_extensions import TypeAliasType

from services.scoring.facts.refusals import ZoneChanged
from services.scoring.models.api.models import FIGURES, GATES, NOTE, ModelKind, ModelNote, ModelStatus
from services.scoring.models.domain.fit import Failure, Fit, FitStatus
from services.scoring.models.domain.kinds import Parameters
from services.scoring.models.domain.models import Model, note_of
from services.scoring.models.queries.fits import find_fit
from services.scoring.models.refusals import FitBeyondToday, UnknownFit
from services.scoring.models.usecases import request_fit as usecase
from services.scoring.models.usecases.request_fit import FitRequest
from services.scoring.settings import Settings
from shared import money
from shared.http.auth import OPERATORS, allow
from shared.http.dependencies import Caller, InContext, Reading, Transaction
from shared.http.models import CurrencyIn, DateIn, Request, Response, example
from shared.http.routes import Router
from shared.jobs.refusals import TooManyJobs
from shared.limits import ID_MAX

PROGRESS: dict[FitStatus, float] = {"queued": 0.0, "running": 0.5, "done": 1.0, "failed": 1.0}


FitState = TypeAliasType("FitState", Annotated[FitStatus, Field(description="How far a fit is.")])
FitFailure = TypeAliasType(
    "FitFailure", Annotated[Failure, Field(description="The reason why a fit made no version.")]
)


class FitIn(Request):
    """The data and the options of a fit."""

    model_config = example(until="1997-09-30")

    until: DateIn | None = Field(
        default=None, description="The last day of the data, included. Default: today."
    )
    currency: CurrencyIn | None = Field(
        default=None, description="For gamma_gamma, which is fitted per currency. Default: the shop's."
    )
    publish: bool = Field(default=True, description="False: keep it as a proposal that answers nothing.")
    round_days: bool = Field(
        default=False, description="For rfm: snap recency cut points to round numbers of days."
    )


class FitResultOut(Response):
    """The version that a fit made."""

    version: int
    status: ModelStatus
    parameters: Parameters = Field(description="Rates are a week.")
    log_likelihood: float | None = Field(description="Times in weeks; null for cut points.")
    customers: int
    unique_rows: int
    preparation: str
    gates: dict[str, bool] = Field(description=GATES)
    figures: dict[str, float] | None = Field(description=FIGURES)
    note: ModelNote | None = Field(description=NOTE)


class FitOut(Response):
    """A fit and how far it is."""

    model_config = example(
        id="fit_01hv3n8v1mz8k7g5r0q2w4x6y8", kind="bg_nbd", currency="", until="1997-09-30", status="done",
        progress=1.0, requested_at="2026-03-01T09:30:00Z", started_at="2026-03-01T09:30:01Z",
        finished_at="2026-03-01T09:30:02Z", failure=None, job_id="job_01k2m9d6v4e8r7a1b2c3d4e5f6",
        result={
            "version": 1, "status": "published", "log_likelihood": -95368.444, "customers": 23570,
            "parameters": {"kind": "bg_nbd", "r": 0.2516, "alpha": 4.7889, "a": 0.7234, "b": 2.1611},
            "unique_rows": 8685, "preparation": "btyd-1", "gates": {"finite": True, "converged": True},
            "figures": {"customers": 23570, "customers_min": 50}, "note": None,
        },
    )  # fmt: skip

    id: str
    kind: ModelKind
    currency: str
    until: date
    status: FitState
    progress: float
    requested_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    result: FitResultOut | None
    failure: FitFailure | None
    job_id: str | None = Field(
        description="The job that makes the fit: it is cancelled by `POST /v1/jobs/{job_id}:cancel`. null of a fit of an earlier version."
    )


router = Router(tags=["models"])


@router.post(
    "/v1/models/{kind}/fits",
    operation_id="request_fit",
    summary="Fit a model",
    allow=allow({"analyst", "manager", "admin"}),
    idempotency="optional",
    errors=(FitBeyondToday, ZoneChanged, money.UnknownCurrency, TooManyJobs),
    status_code=202,
    location="/v1/fits/{id}",
)
async def request_fit(
    tx: Transaction,
    context: InContext[Settings],
    caller: Caller,
    kind: Annotated[ModelKind, Path(description="The kind of model.")],
    body: FitIn,
) -> FitOut:
    """Queue a fit; a job runs it in a process of its own. Follow it at `Location`, and cancel it by its `job_id`."""
    request = FitRequest(
        kind=kind,
        currency=body.currency,
        until=body.until,
        publish=body.publish,
        round_days=body.round_days,
    )
    fit = await usecase.request_fit(tx, context, request, caller)
    return _shown(fit, None)


@router.get(
    "/v1/fits/{fit_id}",
    operation_id="get_fit",
    summary="Get a fit",
    allow=allow(OPERATORS),
    errors=(UnknownFit,),
)
async def get_fit(
    read: Reading,
    fit_id: Annotated[str, Path(max_length=ID_MAX, examples=["fit_01hv3n8v1mz8k7g5r0q2w4x6y8"])],
) -> FitOut:
    """Return how far a fit is, with its result once it is done."""
    result = await find_fit(read, fit_id)
    if result is None:
        raise UnknownFit
    return _shown(result.fit, result.model)


def _shown(fit: Fit, model: Model | None) -> FitOut:
    return FitOut(
        id=fit.fit_id, kind=fit.kind, currency=fit.currency, until=fit.until, status=fit.status,
        progress=PROGRESS[fit.status], requested_at=fit.requested_at, started_at=fit.started_at,
        finished_at=fit.finished_at, failure=fit.failure, job_id=fit.job_id, result=_result(model) if model else None,
    )  # fmt: skip


def _result(model: Model) -> FitResultOut:
    return FitResultOut(
        version=model.version, status=model.status, parameters=model.parameters, log_likelihood=model.log_likelihood,
        customers=model.customers, unique_rows=model.unique_rows, preparation=model.preparation, gates=dict(model.gates),
        figures=None if model.figures is None else dict(model.figures), note=note_of(model),
    )  # fmt: skip
