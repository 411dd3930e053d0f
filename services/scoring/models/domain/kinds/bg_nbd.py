"""BG/NBD (Fader, Hardie & Lee 2005, "Counting your customers" the easy way): P(alive) and purchases to come.

With a = 0 it is NBD (Ehrenberg 1959), the model in which nobody leaves. Pure Python: the serving process never loads NumPy or SciPy for it. Times are in weeks. The preparation is
`btyd-1`: distinct local days, x = days − 1, t_x = last − first, T = as_of − first.
"""

import math
from dataclasses import dataclass
from datetime import date
from typing import Final, Literal

from pydantic import BaseModel, ConfigDict, NonNegativeFloat, PositiveFloat

from services.scoring.facts.domain.state import State

PREPARATION: Final = "btyd-1"
DAYS_PER_WEEK: Final = 7.0
TERMS_MAX: Final = 200_000
PRECISION: Final = 1e-17
SHAPE_LARGE: Final = 100.0
"""The size of a + b or r from which another series is summed: fits of equal customers have such shapes."""
NEAR_ONE: Final = 1e-5


class BgNbd(BaseModel):
    """Parameters: purchase rates per week are Gamma(r, alpha), dropout after a purchase Beta(a, b). a = 0: nobody leaves."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal["bg_nbd"] = "bg_nbd"
    r: PositiveFloat
    alpha: PositiveFloat
    a: NonNegativeFloat
    b: PositiveFloat

    @property
    def knows_dropout(self) -> bool:
        """Say whether customers can leave in this model."""
        return self.a > 0


SHIPPED: Final = BgNbd(r=0.25, alpha=4.5, a=0.75, b=2.25)
"""Version 0: rounded from published fits of a retailer's first customers; used with low confidence until a fit."""


@dataclass(frozen=True, slots=True)
class Repeat:
    """The input of BG/NBD about one customer: repeat days, weeks from first to last day and from first day to now."""

    x: int
    t_x: float
    T: float


def prepare(state: State, day: date) -> Repeat | None:
    """Return preparation `btyd-1` of one customer at the end of `day`; None when no purchase counts."""
    if state.first_day is None or state.last_day is None:
        return None
    return Repeat(
        x=state.days - 1,
        t_x=(state.last_day - state.first_day).days / DAYS_PER_WEEK,
        T=(day - state.first_day).days / DAYS_PER_WEEK,
    )


def p_alive(model: BgNbd, customer: Repeat) -> float:
    """Return the probability that the customer still buys.

    It is 1 by definition when there was no repeat purchase yet, and in a model without dropout.
    """
    if customer.x == 0 or not model.knows_dropout:
        return 1.0
    log_odds_gone = (
        math.log(model.a / (model.b + customer.x - 1))
        + (model.r + customer.x) * math.log1p((customer.T - customer.t_x) / (model.alpha + customer.t_x))
    )  # fmt: skip
    if log_odds_gone > 0:
        fade = math.exp(-log_odds_gone)
        return fade / (1 + fade)
    return 1 / (1 + math.exp(log_odds_gone))


def expected_purchases(model: BgNbd, customer: Repeat, weeks: float) -> float:
    """Return the expected purchase days in the next `weeks`, given the history (equation 10 of the paper).

    Euler's transformation of the 2F1 cancels (1 − z)^(r+x), so nothing overflows at any x; taking the factor
    a − 1 out of every later term of the series leaves no singularity at a = 1 or at a + b + x = 1:
    E = C · (1 − (1−z)^(a−1)) / (a−1) − (1−z)^(a−1) · S, with C = a + b + x − 1 and
    S = Σ_{n≥1} (a+b−1−r)_n (a)_{n−1} / (C+1)_{n−1} · z^n / n!.
    """
    if not model.knows_dropout:
        return (model.r + customer.x) / (model.alpha + customer.T) * weeks
    if max(model.a + model.b, model.r) > SHAPE_LARGE:
        return _expected_of_large_shapes(model, customer, weeks) * p_alive(model, customer)
    a = model.a
    c = a + model.b + customer.x - 1
    z = weeks / (model.alpha + customer.T + weeks)
    log_rest = math.log((model.alpha + customer.T) / (model.alpha + customer.T + weeks))
    power = (a - 1) * log_rest
    shape = -log_rest if a == 1 else -math.expm1(power) / (a - 1)
    alive = c * shape - math.exp(power) * _tail(a + model.b - 1 - model.r, a, c + 1, z)
    return alive * p_alive(model, customer)


def _expected_of_large_shapes(model: BgNbd, customer: Repeat, weeks: float) -> float:
    """Return the expected purchase days of a customer who is alive, where the other series would overflow or cancel.

    E = C / (a − 1) · (1 − M), where M is the mean of (b+x)_n / (C)_n over n ~ negative binomial (r+x, z): a mean of
    numbers of moderate size, so that nothing overflows. Terms are logarithms, because the first may underflow.
    """
    a = model.a if abs(model.a - 1) > NEAR_ONE else 1 + NEAR_ONE
    k, b = model.r + customer.x, model.b + customer.x
    c = a + b - 1
    z = weeks / (model.alpha + customer.T + weeks)
    log_term = -k * math.log1p(weeks / (model.alpha + customer.T))
    mode = k * z / (1 - z)
    mean = math.exp(log_term)
    for n in range(TERMS_MAX):
        log_term += math.log((k + n) / (n + 1) * z) + math.log((b + n) / (c + n))
        term = math.exp(log_term)
        mean += term
        if n > mode and term <= PRECISION * mean:
            break
    return c / (a - 1) * (1 - mean)


def _tail(first: float, second: float, third: float, z: float) -> float:
    """Σ_{n≥1} (first)_n (second)_{n−1} / (third)_{n−1} · z^n / n!, summed until terms no longer matter."""
    term = total = first * z
    for n in range(1, TERMS_MAX):
        ratio = (first + n) * (second + n - 1) * z / ((third + n - 1) * (n + 1))
        term *= ratio
        total += term
        if abs(term) <= PRECISION * abs(total) and abs(ratio) < 1:
            break
    return total
