"""Gamma-Gamma spend (Fader & Hardie 2013, "The Gamma-Gamma model of monetary value"). Pure Python.

Spend of a day is its net sum in major units; the first day is left out, so it pairs with BG/NBD's x.
"""

from dataclasses import dataclass
from typing import Literal

from pydantic import BaseModel, ConfigDict, PositiveFloat

from services.scoring.facts.domain.state import State


class GammaGamma(BaseModel):
    """Parameters: spend is Gamma(p, ν) a day with ν ~ Gamma(q, gamma) over customers, in major units."""

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
    """Repeat days of the main currency and their mean; None when no purchase counts."""
    if state.currency is None:
        return None
    x = state.currency_days - 1
    return Spend(x=x, z_minor=(state.net_minor - state.first_day_net) / x if x else 0.0)


def expected_spend(model: GammaGamma, x: int, z: float) -> float | None:
    """Expected mean spend a day given `x` repeat days of mean `z`, in major units (equation 5 of the note).

    A weighted mean of the customer's own mean and the population's; x = 0 gives the population's. None when
    q ≤ 1: then the population has no mean.
    """
    if model.q <= 1:
        return None
    return model.p * (model.gamma + x * z) / (model.p * x + model.q - 1)
