"""Weighted maximum likelihood of Gamma-Gamma on unique (x, repeat spend) rows (Fader & Hardie 2013, equation 1a).

Customers with a repeat day and a mean repeat spend above zero; x enters the likelihood, not the weight. Spend is fitted
in units of its median, so that the scale of a currency changes nothing.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.special import digamma, gammaln

from services.scoring.models.domain.fits.likelihood import Fit, Vector, maximise

START: Final = (4.0, 4.0)
"""p and q at the start; gamma is such that the population has the mean of the customers."""
USUAL_FACTOR: Final = 1_000
"""The mean spend of a customer that is so many times more, or less, than the median is not usual."""
LEFT_OUT_SHARE_MAX: Final = 0.1
"""The greatest part of the customers that is left out as not usual: more of them are a clientele."""
P_GIVEN_MAX: Final = 10_000.0
"""The greatest p that is given to a fit with a given mean: above it a customer's own mean decides all, and digits are lost."""

Row = tuple[int, int, int]
"""x, Σ net of the repeat days in minor units, customers."""


@dataclass(frozen=True, slots=True)
class GammaGammaFit:
    """A fit of p, q, gamma (major units) to `customers` on `unique_rows`.

    `left_out` counts the customers whose spend is not usual. `mean_observed` is the mean spend of the others if it was
    taken as the population's, because the likelihood alone settles none; otherwise None.
    """

    fit: Fit
    customers: int
    unique_rows: int
    left_out: int
    mean_observed: float | None


def fit(rows: Sequence[Row], *, exponent: int) -> GammaGammaFit:
    """Fit p, q, gamma to rows of which one at least has a repeat and spend; `exponent` is the currency's decimals.

    The mean of the population is p·gamma / (q − 1). Where the likelihood is greatest without a mean (q ≤ 1), or at a
    bound, as where everybody spends the same, q and gamma are the best of those with the mean of the customers.
    """
    table = np.asarray([row for row in rows if row[0] > 0 and row[1] > 0], dtype=np.int64).reshape(-1, 3)
    usual = _are_usual(table[:, 1] / table[:, 0], table[:, 2])
    left_out = int(table[~usual, 2].sum())
    table = table[usual]
    customers = int(table[:, 2].sum())
    unit = _median(table[:, 1] / table[:, 0], table[:, 2])
    likelihood = _GammaGamma(
        table[:, 0].astype(np.float64), table[:, 1] / unit, table[:, 2].astype(np.float64)
    )
    mean = float(np.average(likelihood.z, weights=likelihood.n))
    p, q = START
    found = maximise(likelihood, (p, q, mean * (q - 1) / p), customers)
    has_mean = found.converged and not found.at_edge and found.parameters[1] > 1
    if not has_mean:
        found = _with_mean(likelihood, min(found.parameters[0], P_GIVEN_MAX), mean, customers)
    major = unit / 10**exponent
    p, q, gamma = found.parameters
    in_major = replace(
        found,
        parameters=(p, q, gamma * major),
        log_likelihood=found.log_likelihood - customers * math.log(major),
    )
    return GammaGammaFit(in_major, customers, len(table), left_out, None if has_mean else mean * major)


def _are_usual(z: Vector, n: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Return which mean spends are usual, all if too many are not."""
    far = np.abs(np.log(z) - math.log(_median(z, n))) > math.log(USUAL_FACTOR)
    return ~far if n[far].sum() <= LEFT_OUT_SHARE_MAX * n.sum() else np.ones_like(far)


def _median(z: Vector, n: NDArray[np.int64]) -> float:
    """Return the lower median of values that `n` customers have."""
    order = np.argsort(z)
    reached = np.cumsum(n[order])
    return float(z[order][np.searchsorted(reached, reached[-1] / 2)])


def _with_mean(likelihood: "_GammaGamma", p: float, mean: float, customers: int) -> Fit:
    """Return the fit of those with this p whose population has this mean: q − 1 is free, and gamma follows.

    Its answers are the mean weighted with q − 1, and the customer's own mean weighted with p · x.
    """
    found = maximise(_OfMean(likelihood, p, mean), (START[1] - 1,), customers)
    (excess,) = found.parameters
    return replace(found, parameters=(p, 1 + excess, mean * excess / p))


class _GammaGamma:
    """log L and its gradient in (p, q, gamma)."""

    def __init__(self, x: Vector, total: Vector, n: Vector) -> None:
        self.x, self.total, self.n, self.z = x, total, n, total / x

    def __call__(self, parameters: Vector) -> tuple[float, Vector]:
        p, q, gamma = (float(value) for value in parameters)
        px = p * self.x
        log_sum = np.log(gamma + self.total)
        terms = (
            gammaln(px + q) - gammaln(px) - gammaln(q) + q * np.log(gamma)
            + px * np.log(self.total) - np.log(self.z) - (px + q) * log_sum
        )  # fmt: skip
        psi = digamma(px + q)
        gradient = np.array([
            self.n @ (self.x * (psi - digamma(px) + np.log(self.total) - log_sum)),
            self.n @ (psi - digamma(q) + np.log(gamma) - log_sum),
            self.n @ (q / gamma - (px + q) / (gamma + self.total)),
        ])  # fmt: skip
        return float(self.n @ terms), gradient


class _OfMean:
    """log L and its gradient in q − 1, where p is given, and the mean of the population."""

    def __init__(self, likelihood: _GammaGamma, p: float, mean: float) -> None:
        self.likelihood, self.p, self.mean = likelihood, p, mean

    def __call__(self, parameters: Vector) -> tuple[float, Vector]:
        (excess,) = (float(value) for value in parameters)
        gamma_by_excess = self.mean / self.p
        value, (_, by_q, by_gamma) = self.likelihood(np.array([self.p, 1 + excess, gamma_by_excess * excess]))
        return value, np.array([by_q + by_gamma * gamma_by_excess])
