"""Train models: turn rows into an outcome that says what was estimated and whether it may go into force.

NumPy and SciPy are loaded only when a fit runs, which is in a worker process.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Final, Literal

from pydantic import BaseModel, ConfigDict

from services.scoring.models.domain.kinds import Parameters, rfm
from services.scoring.models.domain.kinds.bg_nbd import BgNbd
from services.scoring.models.domain.kinds.gamma_gamma import GammaGamma

Failure = Literal["no_customers", "timed_out", "worker_failed", "cut_off"]
CUSTOMERS_MIN: Final = 50
"""The fewest customers of a fit that goes into force."""


class Outcome(BaseModel):
    """The outcome of a fit. `parameters` is None when there was nothing to fit, and `failure` says why.

    `log_likelihood` and `gain_over_nbd` are None for models that have none.
    """

    model_config = ConfigDict(frozen=True)

    parameters: Parameters | None
    log_likelihood: float | None = None
    gain_over_nbd: float | None = None
    customers: int = 0
    unique_rows: int = 0
    gates: dict[str, bool] = {}
    failure: Failure | None = None


NOTHING: Final = Outcome(parameters=None, failure="no_customers")


def train_bg_nbd(rows: Sequence[tuple[int, int, int, int]]) -> Outcome:
    """Fit BG/NBD to unique (x, t_x days, T days, customers)."""
    if not any(x > 0 for x, _, _, _ in rows):
        return NOTHING
    from services.scoring.models.domain.fits import bg_nbd

    found = bg_nbd.fit(rows)
    r, alpha, a, b = found.fit.parameters
    return Outcome(
        parameters=BgNbd(r=r, alpha=alpha, a=a, b=b),
        log_likelihood=found.fit.log_likelihood,
        gain_over_nbd=found.gain_over_nbd,
        customers=found.customers,
        unique_rows=found.unique_rows,
        gates={
            "finite": math.isfinite(found.fit.log_likelihood),
            "converged": found.fit.converged,
            "dropout_seen": found.gain_over_nbd >= bg_nbd.DROPOUT_GAIN_MIN,
            "enough_customers": found.customers >= CUSTOMERS_MIN,
        },
    )


def train_gamma_gamma(rows: Sequence[tuple[int, int, int]], *, exponent: int) -> Outcome:
    """Fit Gamma-Gamma to unique (x, Σ repeat spend minor, customers) of one currency."""
    if not any(x > 0 and spent > 0 for x, spent, _ in rows):
        return NOTHING
    from services.scoring.models.domain.fits import gamma_gamma

    found = gamma_gamma.fit(rows, exponent=exponent)
    p, q, gamma = found.fit.parameters
    return Outcome(
        parameters=GammaGamma(p=p, q=q, gamma=gamma),
        log_likelihood=found.fit.log_likelihood,
        customers=found.customers,
        unique_rows=found.unique_rows,
        gates={
            "finite": math.isfinite(found.fit.log_likelihood),
            "converged": found.fit.converged,
            "mean_exists": q > 1,
            "enough_customers": found.customers >= CUSTOMERS_MIN,
        },
    )


def train_rfm(
    recency: Sequence[tuple[int, int]],
    frequency: Sequence[tuple[int, int]],
    monetary: Mapping[str, Sequence[tuple[int, int]]],
    *,
    round_days: bool,
) -> Outcome:
    """Compute cut points from (value, customers) histograms; `round_days` moves those of recency to round numbers."""
    customers = sum(count for _, count in recency)
    if not customers:
        return NOTHING
    cuts = rfm.quintile_cuts(recency)
    return Outcome(
        parameters=rfm.Cuts(
            recency=rfm.snapped(cuts) if round_days else cuts,
            frequency=rfm.frequency_cuts(frequency),
            monetary={
                currency: rfm.quintile_cuts(counts)
                for currency, counts in monetary.items()
                if sum(count for _, count in counts) >= rfm.CUSTOMERS_MIN
            },
        ),
        customers=customers,
        unique_rows=len(recency),
        gates={"enough_customers": customers >= rfm.CUSTOMERS_MIN},
    )
