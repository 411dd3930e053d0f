"""Train models: turn rows into an outcome that says what was estimated and whether it may go into force.

NumPy and SciPy are loaded only when a fit runs, which is in a worker process.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from pydantic import BaseModel, ConfigDict

from services.scoring.models.domain.fit import Failure
from services.scoring.models.domain.holdout import CUSTOMERS_MIN as CUSTOMERS_COMPARED_MIN
from services.scoring.models.domain.holdout import Comparison, Holdout, compare
from services.scoring.models.domain.kinds import Parameters, rfm
from services.scoring.models.domain.kinds import bg_nbd as kinds
from services.scoring.models.domain.kinds.bg_nbd import BgNbd
from services.scoring.models.domain.kinds.gamma_gamma import GammaGamma

CUSTOMERS_MIN: Final = 50
"""The fewest customers of a fit that goes into force without proof that it predicts better."""
DROPOUT_GAIN_MIN: Final = 2.0
"""The gain in log-likelihood over NBD below which no dropout is seen. At the bound a = 0 chance passes it in 2 % of shops."""
REPEATS_WHEN_NONE: Final = 0.5


class Outcome(BaseModel):
    """The outcome of a fit. `parameters` is None when there was nothing to fit, and `failure` says why.

    `log_likelihood` is None for models that have none. `figures` are the numbers behind the gates. `passed` says whether
    the version may go into force: all gates are open, or it predicted better than the version in force nevertheless.
    """

    model_config = ConfigDict(frozen=True)

    parameters: Parameters | None
    log_likelihood: float | None = None
    customers: int = 0
    unique_rows: int = 0
    gates: dict[str, bool] = {}
    figures: dict[str, float] = {}
    passed: bool = False
    failure: Failure | None = None


class Computation(BaseModel):
    """The parameters of the job of a fit: the fit, and its outcome from its computation until it is stored as a version."""

    model_config = ConfigDict(frozen=True)

    fit_id: str
    outcome: Outcome | None = None


NOTHING: Final = Outcome(parameters=None, failure="no_customers")
RepeatRow = tuple[int, int, int, int]
"""x, t_x and T in days, customers."""


@dataclass(frozen=True, slots=True)
class Rival:
    """The model that answers now. `knows_holdout`: it was fitted to days of the holdout."""

    model: BgNbd
    knows_holdout: bool


@dataclass(frozen=True, slots=True)
class _Estimate:
    model: BgNbd
    log_likelihood: float
    converged: bool
    gain_over_nbd: float | None


def train_bg_nbd(
    rows: Sequence[RepeatRow], *, holdout: Holdout | None = None, rival: Rival | None = None
) -> Outcome:
    """Fit BG/NBD, or NBD where no dropout is seen, to unique rows.

    With a holdout, the fit is compared with its rival: a version with open gates passes unless it is clearly worse,
    and one with a closed gate if it is better.
    """
    found = _estimate(rows)
    if found is None:
        return NOTHING
    customers = sum(row[3] for row in rows)
    gates = {
        "finite": math.isfinite(found.log_likelihood),
        "converged": found.converged,
        "enough_customers": customers >= CUSTOMERS_MIN,
    }
    figures: dict[str, float] = {"customers": customers, "customers_min": CUSTOMERS_MIN}
    if found.gain_over_nbd is not None:
        figures |= {"gain_over_nbd": found.gain_over_nbd, "gain_over_nbd_min": DROPOUT_GAIN_MIN}
    passed = all(gates.values())
    comparison = _compare(found, holdout, rival) if gates["finite"] else None
    if comparison is not None and holdout is not None:
        passed = not comparison.clearly_worse if passed else comparison.lead > 0
        gates["predicts"] = passed
        figures |= {
            "holdout_days": holdout.days,
            "holdout_customers": holdout.customers,
            "holdout_purchase_days": holdout.purchase_days,
            "predicted": comparison.predicted,
            "predicted_in_force": comparison.predicted_by_other,
            "lead": comparison.lead,
            "lead_error": comparison.error,
        }
    return Outcome(
        parameters=found.model,
        log_likelihood=found.log_likelihood if gates["finite"] else None,
        customers=customers,
        unique_rows=len(rows),
        gates=gates,
        figures={name: value for name, value in figures.items() if math.isfinite(value)},
        passed=passed,
    )


def _estimate(rows: Sequence[RepeatRow]) -> _Estimate | None:
    """Estimate the model that the likelihood supports; None when nothing was observed."""
    if not any(x > 0 for x, _, _, _ in rows):
        return _estimate_without_repeats(rows)
    from services.scoring.models.domain.fits import bg_nbd

    found = bg_nbd.fit(rows)
    if found.gain_over_nbd >= DROPOUT_GAIN_MIN:
        r, alpha, a, b = found.fit.parameters
        fit, model = found.fit, BgNbd(r=r, alpha=alpha, a=a, b=b)
    else:
        # The maximum lies at the bound a = 0, or too near to it for the data to tell. A fit that did not end is here too.
        r, alpha = found.nbd.parameters
        fit, model = found.nbd, BgNbd(r=r, alpha=alpha, a=0, b=kinds.SHIPPED.b)
    return _Estimate(model, fit.log_likelihood, fit.converged, found.gain_over_nbd)


def _estimate_without_repeats(rows: Sequence[RepeatRow]) -> _Estimate | None:
    """Estimate NBD where nobody has come back yet: rates such that half a repeat day was to be expected of all.

    The likelihood is greatest for a rate of 0, which would rule out for ever what has only not happened so far.
    """
    alpha = kinds.SHIPPED.alpha
    exposure = sum(customers * observed / kinds.DAYS_PER_WEEK / alpha for _, _, observed, customers in rows)
    if exposure == 0:
        return None
    r = REPEATS_WHEN_NONE / exposure
    log_likelihood = -r * sum(
        customers * math.log1p(observed / kinds.DAYS_PER_WEEK / alpha) for _, _, observed, customers in rows
    )
    return _Estimate(
        BgNbd(r=r, alpha=alpha, a=0, b=kinds.SHIPPED.b), log_likelihood, converged=True, gain_over_nbd=None
    )


def _compare(found: _Estimate, holdout: Holdout | None, rival: Rival | None) -> Comparison | None:
    """Compare the fit with its rival; None when the holdout tells nothing.

    Like is compared with like: with a rival that knows the holdout the fit to all days, else the fit to the days before.
    """
    if holdout is None or rival is None or holdout.customers < CUSTOMERS_COMPARED_MIN:
        return None
    candidate = found if rival.knows_holdout else _estimate(holdout.calibration())
    if candidate is None or not math.isfinite(candidate.log_likelihood):
        return None
    return compare(candidate.model, rival.model, holdout)


def train_gamma_gamma(rows: Sequence[tuple[int, int, int]], *, exponent: int) -> Outcome:
    """Fit Gamma-Gamma to unique (x, Σ repeat spend minor, customers) of one currency.

    A few customers whose spend is beyond all others are left out, and where the likelihood settles no mean it is that of
    the customers: such a fit predicts, and its figures say so. So its mean always exists.
    """
    if not any(x > 0 and spent > 0 for x, spent, _ in rows):
        return NOTHING
    from services.scoring.models.domain.fits import gamma_gamma

    found = gamma_gamma.fit(rows, exponent=exponent)
    p, q, gamma = found.fit.parameters
    gates = {
        "finite": math.isfinite(found.fit.log_likelihood),
        "converged": found.fit.converged,
        "mean_exists": q > 1,
        "enough_customers": found.customers >= CUSTOMERS_MIN,
    }
    figures: dict[str, float] = {"customers": found.customers, "customers_min": CUSTOMERS_MIN, "q": q}
    if found.left_out:
        figures["customers_left_out"] = found.left_out
    if found.mean_observed is not None:
        figures["mean_observed"] = found.mean_observed
    return Outcome(
        parameters=GammaGamma(p=p, q=q, gamma=gamma),
        log_likelihood=found.fit.log_likelihood,
        customers=found.customers,
        unique_rows=found.unique_rows,
        gates=gates,
        figures=figures,
        passed=all(gates.values()),
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
        figures={"customers": customers, "customers_min": rfm.CUSTOMERS_MIN},
        passed=customers >= rfm.CUSTOMERS_MIN,
    )
