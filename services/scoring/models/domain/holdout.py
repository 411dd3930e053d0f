"""Holdout: judge models by what customers did in the last days before a fit.

Customers are prepared as of the cut, the day before those days. A model predicts the purchase days of each customer
after it. Two models are compared by the Poisson log score of their predictions, which is greatest for the right mean.
"""

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from services.scoring.models.domain.kinds import bg_nbd
from services.scoring.models.domain.kinds.bg_nbd import DAYS_PER_WEEK, BgNbd, Repeat

DAYS_MAX: Final = 90
"""The days that answers look ahead."""
DAYS_MIN: Final = 7
SHARE: Final = 4
"""The holdout is at most this part of the days that were observed."""
CUSTOMERS_MIN: Final = 10
"""The fewest customers at the cut from whom something can be told."""
ERRORS_CLEAR: Final = 2.0
"""The standard errors from which a lead is clear."""
MATERIAL: Final = 0.05
"""The lead in log score per purchase day that matters: about that of a prediction of all purchases that is 30 % off."""
ROWS_MAX: Final = 20_000
"""Unique rows that are predicted. Of more, every n-th is taken."""
PREDICTION_MIN: Final = 1e-9

Row = tuple[int, int, int, int, int]
"""x, t_x and T in days at the cut, purchase days after it, customers."""


@dataclass(frozen=True, slots=True)
class Holdout:
    """The customers of the cut, and their purchase days in the `days` after it."""

    days: int
    rows: Sequence[Row]

    @property
    def customers(self) -> int:
        """Count the customers."""
        return sum(customers for *_, customers in self.rows)

    @property
    def purchase_days(self) -> int:
        """Count the purchase days after the cut."""
        return sum(later * customers for *_, later, customers in self.rows)

    def calibration(self) -> list[tuple[int, int, int, int]]:
        """Return the rows that a model is fitted to at the cut."""
        counts: Counter[tuple[int, int, int]] = Counter()
        for x, t_x, observed, _, customers in self.rows:
            counts[x, t_x, observed] += customers
        return [(*key, customers) for key, customers in sorted(counts.items())]


@dataclass(frozen=True, slots=True)
class Comparison:
    """A comparison of two models: the lead of the first in log score, with its standard error.

    `predicted` and `predicted_by_other` are the purchase days that the two expected of the customers of the rows.
    """

    lead: float
    error: float
    predicted: float
    predicted_by_other: float
    purchase_days: int

    @property
    def clearly_worse(self) -> bool:
        """Say whether the model is worse by more than chance explains, and by so much that it matters."""
        return self.lead < -max(ERRORS_CLEAR * self.error, MATERIAL * self.purchase_days)


def days_of(observed_days: int) -> int | None:
    """Return the length of the holdout after so many days since the first purchase; None when they are too few."""
    days = min(DAYS_MAX, observed_days // SHARE)
    return days if days >= DAYS_MIN else None


def compare(model: BgNbd, other: BgNbd, holdout: Holdout) -> Comparison:
    """Compare the predictions of two models."""
    step = math.ceil(len(holdout.rows) / ROWS_MAX)
    weeks = holdout.days / DAYS_PER_WEEK
    customers_sum = lead = squares = predicted = predicted_by_other = 0.0
    purchase_days = 0
    for x, t_x, observed, later, customers in holdout.rows[::step]:
        repeat = Repeat(x, t_x / DAYS_PER_WEEK, observed / DAYS_PER_WEEK)
        own = max(bg_nbd.expected_purchases(model, repeat, weeks), PREDICTION_MIN)
        others = max(bg_nbd.expected_purchases(other, repeat, weeks), PREDICTION_MIN)
        difference = later * math.log(own / others) - (own - others)
        customers_sum += customers
        purchase_days += customers * later
        lead += customers * difference
        squares += customers * difference**2
        predicted += customers * own
        predicted_by_other += customers * others
    error = math.sqrt(max(squares - lead**2 / customers_sum, 0.0)) if customers_sum else 0.0
    return Comparison(lead, error, predicted * step, predicted_by_other * step, purchase_days)
