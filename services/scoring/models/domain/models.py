"""Versions of models, and the version in force on a day."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final, Literal

from services.scoring.models.domain.kinds import BgNbd, Cuts, GammaGamma, Kind, bg_nbd, rfm

Status = Literal["published", "proposed", "rejected"]
Confidence = Literal["low", "medium", "high"]
SpendNote = Literal["spends_left_out", "mean_observed"]
"""`spends_left_out`: the model rests on the usual customers, without the few whose spend is beyond all others.
`mean_observed`: the data settle no mean of the model, so it has the mean of the customers."""
Note = Literal["no_dropout_seen", SpendNote]
"""`no_dropout_seen`: the data do not show that anybody leaves, so the model has no dropout and p_alive is always 1."""
PREPARATION: Final = bg_nbd.PREPARATION
STEADY_PURCHASES_MIN: Final = 3  # purchases from which an answer rests on the customer's own history


@dataclass(frozen=True, slots=True)
class Model:
    """One version of a model, never changed once written.

    `until` is the last day of the data it was fitted to, None for the shipped prior (version 0); `currency` is
    empty for models that hold for all currencies; `log_likelihood` is None for cut points. `figures` are the numbers
    behind the gates; None for versions that were made before they were kept.
    """

    kind: Kind
    currency: str
    version: int
    until: date | None
    zone: str
    parameters: Cuts | BgNbd | GammaGamma
    log_likelihood: float | None
    customers: int
    unique_rows: int
    preparation: str
    gates: Mapping[str, bool]
    status: Status
    published_at: datetime | None
    figures: Mapping[str, float] | None = None


@dataclass(frozen=True, slots=True)
class InForce:
    """The model that answers for a day; `look_ahead` when it was fitted to later data, for want of an earlier one."""

    model: Model
    look_ahead: bool


def in_force(versions: Iterable[Model], day: date) -> InForce | None:
    """Return the published version with the greatest `until` up to `day`, else the earliest; None if none is published.

    Of several fits to the same day the newest version counts.
    """
    fitted = [model for model in versions if model.status == "published" and model.until is not None]
    known = [model for model in fitted if _until(model) <= day]
    if known:
        return InForce(max(known, key=lambda model: (_until(model), model.version)), look_ahead=False)
    if fitted:
        return InForce(min(fitted, key=lambda model: (_until(model), -model.version)), look_ahead=True)
    return None


def shipped(kind: Kind, zone: str) -> Model | None:
    """Return version 0, with which a shop starts.

    Gamma-Gamma has none, because spend has no scale before there is data.
    """
    prior = _SHIPPED.get(kind)
    if prior is None:
        return None
    return Model(
        kind=kind, currency="", version=0, until=None, zone=zone, parameters=prior, log_likelihood=None, customers=0,
        unique_rows=0, preparation=PREPARATION, gates={}, status="published", published_at=None,
    )  # fmt: skip


def confidence(used: InForce, purchases: int) -> Confidence:
    """Return how far an answer can be trusted.

    It is low on a prior, on later data and on a fit with a closed gate, high on the customer's own repeated purchases.
    """
    if used.model.version == 0 or used.look_ahead or not all(used.model.gates.values()):
        return "low"
    return "high" if purchases >= STEADY_PURCHASES_MIN else "medium"


def note_of(model: Model) -> Note | None:
    """Return what a reader of the model's answers has to know about it; None if there is nothing."""
    parameters = model.parameters
    if isinstance(parameters, BgNbd):
        return None if parameters.knows_dropout else "no_dropout_seen"
    return spend_note_of(model)


def spend_note_of(model: Model) -> SpendNote | None:
    """Return what a reader of expected spends has to know about a model; None if there is nothing."""
    figures = model.figures or {}
    if "customers_left_out" in figures:
        return "spends_left_out"
    return "mean_observed" if "mean_observed" in figures else None


def _until(model: Model) -> date:
    assert model.until is not None
    return model.until


_SHIPPED: Final[Mapping[Kind, Cuts | BgNbd]] = {"rfm": rfm.SHIPPED, "bg_nbd": bg_nbd.SHIPPED}
