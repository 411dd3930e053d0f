"""The operations on models: their versions, and the version in force today."""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Annotated

from fastapi import Path
from pydantic import Field
from typing_extensions import TypeAliasType

from services.scoring.models.domain.kinds import KINDS, Kind, Parameters
from services.scoring.models.domain.models import InForce, Model, Note, Status, note_of
from services.scoring.models.queries.models import all_in_force, with_prior
from services.scoring.settings import Settings
from shared.context import Context
from shared.db import Read
from shared.http.auth import OPERATORS, allow
from shared.http.dependencies import InContext, Reading
from shared.http.models import Response, example
from shared.http.routes import Router
from shared.local_time import local_day

GATES = (
    "False: the gate is closed. A version with a closed gate is rejected, unless it predicted the last days before it "
    "better than the version in force (`predicts`); its answers then have a low confidence."
)
FIGURES = (
    "The numbers behind the gates. `gain_over_nbd` is the log-likelihood over the model in which nobody leaves. In the "
    "last `holdout_days`, `holdout_purchase_days` came of the `holdout_customers` known before; `predicted` and "
    "`predicted_in_force` are what this version and the one in force expected, `lead` is by how much this one predicts "
    "better (in log score). Null for versions that were made before figures were kept."
)
NOTE = (
    "`no_dropout_seen`: the data do not show that anybody leaves, so this version has no dropout (a = 0, NBD): p_alive is "
    "1 for everybody. It does not mean that nobody ever leaves. `spends_left_out`: a few customers spend 1,000 times more, or "
    "less, than the median; this version leaves them out, and `figures` has their number (`customers_left_out`). "
    "`mean_observed`: the data settle no mean of the model, so this version has the mean of the customers (`mean_observed` "
    "in `figures`, in major units)."
)
_CARD = {
    "kind": "bg_nbd", "currency": "", "version": 1, "in_force": True, "until": "1997-09-30", "zone": "UTC",
    "parameters": {"kind": "bg_nbd", "r": 0.2516, "alpha": 4.7889, "a": 0.7234, "b": 2.1611},
    "log_likelihood": -95368.444, "customers": 23570, "unique_rows": 8685, "preparation": "btyd-1",
    "gates": {"finite": True, "converged": True, "enough_customers": True, "predicts": True},
    "figures": {"customers": 23570, "customers_min": 50, "gain_over_nbd": 1520.5, "gain_over_nbd_min": 2.0},
    "note": None,
    "status": "published", "published_at": "2026-03-01T09:30:00Z",
}  # fmt: skip


ModelKind = TypeAliasType("ModelKind", Annotated[Kind, Field(description="The kind of a model.")])
ModelStatus = TypeAliasType(
    "ModelStatus",
    Annotated[
        Status,
        Field(
            description="`rejected`: `gates` names the closed gate, and the version before stays in force. `proposed`: kept, and answers nothing."
        ),
    ],
)
ModelNote = TypeAliasType("ModelNote", Annotated[Note, Field(description="What the parameters leave out.")])


class ModelCardOut(Response):
    """The card of one version of a model."""

    model_config = example(**_CARD)

    kind: ModelKind
    currency: str = Field(description="Empty for models that hold for every currency.")
    version: int = Field(description="0 is the one that is shipped.")
    in_force: bool = Field(description="It is the one that answers for today.")
    until: date | None = Field(description="The last day of its data, included; null for version 0.")
    zone: str = Field(description="In which its days were counted.")
    parameters: Parameters = Field(
        description="Times are in weeks, money in major units, cut points in days and minor units."
    )
    log_likelihood: float | None
    customers: int
    unique_rows: int
    preparation: str
    gates: dict[str, bool] = Field(description=GATES)
    figures: dict[str, float] | None = Field(description=FIGURES)
    note: ModelNote | None = Field(description=NOTE)
    status: ModelStatus
    published_at: datetime | None


class ModelsInForceOut(Response):
    """The models that answer for today, one a kind and currency."""

    model_config = example(items=[_CARD])

    items: list[ModelCardOut]


class ModelVersionsOut(Response):
    """The versions of one kind of model, newest first."""

    model_config = example(kind="bg_nbd", versions=[_CARD])

    kind: ModelKind
    versions: list[ModelCardOut]


router = Router(tags=["models"])


@router.get(
    "/v1/models", operation_id="list_models", summary="List the models in force", allow=allow(OPERATORS)
)
async def list_models(read: Reading, context: InContext[Settings]) -> ModelsInForceOut:
    """The version of each kind of model that answers for today, with its parameters and gates."""
    in_force = await _in_force_today(read, context)
    order = sorted(in_force, key=lambda key: (KINDS.index(key[0]), key[1]))
    return ModelsInForceOut(items=[_card(in_force[key].model, in_force=True) for key in order])


@router.get(
    "/v1/models/{kind}", operation_id="get_model", summary="Get a model's versions", allow=allow(OPERATORS)
)
async def get_model(
    read: Reading,
    context: InContext[Settings],
    kind: Annotated[ModelKind, Path(description="The kind of model.")],
) -> ModelVersionsOut:
    """The versions of one kind of model, newest first, the shipped one last. Versions are kept for ever."""
    in_force = await _in_force_today(read, context)
    versions = await with_prior(read, kind, context.settings.zone)
    return ModelVersionsOut(
        kind=kind, versions=[_card(model, in_force=_answers(in_force, model)) for model in versions]
    )


async def _in_force_today(read: Read, context: Context[Settings]) -> dict[tuple[Kind, str], InForce]:
    zone = context.settings.time_zone
    return await all_in_force(read, local_day(context.clock.now(), zone), zone.key)


def _answers(in_force: Mapping[tuple[Kind, str], InForce], model: Model) -> bool:
    used = in_force.get((model.kind, model.currency))
    return used is not None and used.model.version == model.version


def _card(model: Model, *, in_force: bool) -> ModelCardOut:
    return ModelCardOut(
        kind=model.kind, currency=model.currency, version=model.version, in_force=in_force, until=model.until,
        zone=model.zone, parameters=model.parameters, log_likelihood=model.log_likelihood, customers=model.customers,
        unique_rows=model.unique_rows, preparation=model.preparation, gates=dict(model.gates),
        figures=None if model.figures is None else dict(model.figures), note=note_of(model), status=model.status,
        published_at=model.published_at,
    )  # fmt: skip
