"""Weighted maximum likelihood of Gamma-Gamma on unique (x, repeat spend) rows (Fader & Hardie 2013, equation 1a).

Customers with a repeat day and a mean repeat spend above zero; x enters the likelihood, not the weight.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from scipy.special import digamma, gammaln

from services.scoring.models.domain.fits.likelihood import Fit, Vector, maximise

START: Final = (4.0, 4.0, 15.0)

Row = tuple[int, int, int]
"""x, Σ net of the repeat days in minor units, customers."""


@dataclass(frozen=True, slots=True)
class GammaGammaFit:
    """A fit of p, q, gamma (major units) to `customers` on `unique_rows`."""

    fit: Fit
    customers: int
    unique_rows: int


def fit(rows: Sequence[Row], *, exponent: int) -> GammaGammaFit:
    """Fit p, q, gamma; `exponent` is the currency's number of decimals."""
    table = np.asarray([row for row in rows if row[0] > 0 and row[1] > 0], dtype=np.int64).reshape(-1, 3)
    customers = int(table[:, 2].sum())
    likelihood = _GammaGamma(
        table[:, 0].astype(np.float64), table[:, 1] / 10**exponent, table[:, 2].astype(np.float64)
    )
    mean = float(np.average(likelihood.z, weights=likelihood.n)) if customers else START[2]
    # The population mean is p·gamma / (q − 1): start where it matches, whatever the currency's scale.
    start = (START[0], START[1], mean * (START[1] - 1) / START[0])
    return GammaGammaFit(maximise(likelihood, start, float(max(customers, 1))), customers, len(table))


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
