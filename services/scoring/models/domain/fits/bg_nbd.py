"""Weighted maximum likelihood of BG/NBD on unique (x, t_x, T) rows (Fader, Hardie & Lee 2005, equation 6).

Everything that depends on x, T or t_x alone is evaluated once per distinct value, and customers without a
repeat have a closed form, so a million customers take a fraction of a second.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.special import digamma, expit, gammaln

from services.scoring.models.domain.fits.likelihood import Fit, Vector, maximise
from services.scoring.models.domain.kinds.bg_nbd import DAYS_PER_WEEK

START: Final = (0.5, 5.0, 0.8, 2.0)
COARSE_ROWS_MIN: Final = 20_000  # above this, start from the fit of every tenth row
COARSE_STEP: Final = 10

Row = tuple[int, int, int, int]
"""x, t_x in days, T in days, customers."""


@dataclass(frozen=True, slots=True)
class BgNbdFit:
    """A fit per week, its log-likelihood in weeks, the fit of NBD, the model without dropout, and the gain over that."""

    fit: Fit
    nbd: Fit
    customers: int
    unique_rows: int
    gain_over_nbd: float


def fit(rows: Sequence[Row]) -> BgNbdFit:
    """Fit r, alpha, a, b (per week) to unique rows with their numbers of customers."""
    table = np.asarray(rows, dtype=np.int64)
    customers = int(table[:, 3].sum())
    start = START
    if len(table) > COARSE_ROWS_MIN:
        start = _fit(table[::COARSE_STEP], START).parameters  # type: ignore[assignment]
    found = _fit(table, start)
    nbd = maximise(_Nbd(table), (start[0], start[1]), customers)
    return BgNbdFit(found, nbd, customers, len(table), found.log_likelihood - nbd.log_likelihood)


def _fit(table: NDArray[np.int64], start: tuple[float, ...]) -> Fit:
    return maximise(_BgNbd(table), start, float(table[:, 3].sum()))


class _Rows:
    """Rows split into those without a repeat (by T) and the others, with indices of their distinct values."""

    def __init__(self, table: NDArray[np.int64]) -> None:
        once, repeat = table[table[:, 0] == 0], table[table[:, 0] > 0]
        self.once_t, inverse = np.unique(once[:, 2], return_inverse=True)
        self.once_n = np.bincount(inverse, weights=once[:, 3], minlength=len(self.once_t))
        self.once_weeks = self.once_t / DAYS_PER_WEEK
        self.n = repeat[:, 3].astype(np.float64)
        values, self.x_at = np.unique(repeat[:, 0], return_inverse=True)
        self.x = values.astype(np.float64)
        self.x_n = np.bincount(self.x_at, weights=self.n, minlength=len(self.x))
        values, self.tx_at = np.unique(repeat[:, 1], return_inverse=True)
        self.tx = values / DAYS_PER_WEEK
        values, self.t_at = np.unique(repeat[:, 2], return_inverse=True)
        self.t = values / DAYS_PER_WEEK


class _BgNbd(_Rows):
    """log L and its gradient in (r, alpha, a, b)."""

    def __call__(self, parameters: Vector) -> tuple[float, Vector]:
        r, alpha, a, b = (float(value) for value in parameters)
        once_log = np.log(alpha + self.once_weeks)
        by_x = (
            gammaln(r + self.x) - gammaln(r) + r * np.log(alpha)
            + gammaln(a + b) + gammaln(b + self.x) - gammaln(b) - gammaln(a + b + self.x)
        )  # fmt: skip
        log_t, log_tx = np.log(alpha + self.t)[self.t_at], np.log(alpha + self.tx)[self.tx_at]
        power = (r + self.x)[self.x_at]
        odds = (np.log(a) - np.log(b + self.x - 1))[self.x_at] + power * (log_t - log_tx)  # gone : alive
        gone = expit(odds)
        value = (
            self.once_n @ (r * (np.log(alpha) - once_log)) + self.x_n @ by_x
            + self.n @ (np.logaddexp(0.0, odds) - power * log_t)
        )  # fmt: skip
        mean_log = log_t - gone * (log_t - log_tx)
        inverse_t, inverse_tx = (1 / (alpha + self.t))[self.t_at], (1 / (alpha + self.tx))[self.tx_at]
        gone_by_x = np.bincount(self.x_at, weights=self.n * gone, minlength=len(self.x))
        psi_ab = digamma(a + b) - digamma(a + b + self.x)
        gradient = np.array([
            self.once_n @ (np.log(alpha) - once_log)
            + self.x_n @ (digamma(r + self.x) - digamma(r) + np.log(alpha)) - self.n @ mean_log,
            self.once_n @ (r / alpha - r / (alpha + self.once_weeks)) + self.n.sum() * r / alpha
            - self.n @ (power * (inverse_t + gone * (inverse_tx - inverse_t))),
            self.x_n @ psi_ab + gone_by_x.sum() / a,
            self.x_n @ (psi_ab + digamma(b + self.x) - digamma(b)) - gone_by_x @ (1 / (b + self.x - 1)),
        ])  # fmt: skip
        return float(value), gradient


class _Nbd(_Rows):
    """log L of the same timings without dropout, and its gradient in (r, alpha)."""

    def __call__(self, parameters: Vector) -> tuple[float, Vector]:
        r, alpha = (float(value) for value in parameters)
        t, power = self.t[self.t_at], (r + self.x)[self.x_at]
        log_t, once_log = np.log(alpha + t), np.log(alpha + self.once_weeks)
        total = self.n.sum()
        value = (
            self.once_n @ (r * (np.log(alpha) - once_log)) - self.n @ (power * log_t)
            + self.x_n @ (gammaln(r + self.x) - gammaln(r)) + total * r * np.log(alpha)
        )  # fmt: skip
        gradient = np.array([
            self.once_n @ (np.log(alpha) - once_log) - self.n @ log_t
            + self.x_n @ (digamma(r + self.x) - digamma(r)) + total * np.log(alpha),
            self.once_n @ (r / alpha - r / (alpha + self.once_weeks)) + total * r / alpha - self.n @ (power / (alpha + t)),
        ])  # fmt: skip
        return float(value), gradient
