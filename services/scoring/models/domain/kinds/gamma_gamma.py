"""Gamma-Gamma spend (Fader & Hardie 2013, "The Gamma-Gamma model of monetary value"). Pure Python.

The spend of a day is its net sum in major units. The first day is left out, so that spend pairs with BG/NBD's x.
"""

from dataclasses import dataclass
from typing import Literal

from pydantic import BaseModel, ConfigDict, PositiveFloat

from services.scoring.facts.domain.state import State


class GammaGamma(BaseModel):
    """Parameters: spend per day is Gamma(p, ν) with ν ~ Gamma(q, gamma) over customers, in major units."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal["gamma_gamma"] = "gamma_gamma"
    p: PositiveFloat
    q: PositiveFloat
    gamma: PositiveFloat


@dataclass(frozen=True, slots=True)
class Spend:
    """Repeat spend of one customer in the main currency: `x` repeat days and their mean `z` in minor units."""

    x: int
    z_minor: float


def prepare(state: State) -> Spend | None:
    """Return the repeat days of the main currency and their mean; None when no purchase counts."""
    if state.currency is None:
        return None
    x = state.currency_days - 1
    return Spend(x=x, z_minor=(state.net_minor - state.first_day_net) / x if x else 0.0)


def expected_spend(model: GammaGamma, x: int, z: float) -> float | None:
    """Return the expected mean spend per day given `x` repeat days of mean `z`, in major units (equation 5 of the note).

    It is a weighted mean of the customer's own mean and the population's; x = 0 gives the population's. It is None
    when q ≤ 1, because the population then has no mean.
    """
    if model.q <= 1:
        return None
    return model.p * (model.gamma + x * z) / (model.p * x + model.q - 1)
