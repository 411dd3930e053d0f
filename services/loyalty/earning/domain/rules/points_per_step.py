"""Points per full step of money: ⌊sum / step⌋ × points."""

from typing import Annotated, Literal

from pydantic import Field

from services.loyalty.earning.domain.documents import CURRENCIES_MAX, Points
from services.loyalty.earning.domain.rules.terms import BaseTerms, Eligible, Fraction
from shared.limits import ORDER_AMOUNT_MAX


class PointsPerStep(BaseTerms):
    """Grants `points` for each full step of the sum of the lines that count; `steps` are minor units per currency."""

    kind: Literal["points_per_step"] = "points_per_step"
    steps: Annotated[
        dict[str, Annotated[int, Field(ge=1, le=ORDER_AMOUNT_MAX)]],
        Field(min_length=1, max_length=CURRENCIES_MAX, description="Minor units of a step, by currency."),
    ]
    points: Annotated[Points, Field(le=10_000)]

    def earned(self, eligible: Eligible) -> int | None:
        """Return ⌊sum / step⌋ × points."""
        step = self.steps.get(eligible.currency)
        return None if step is None else eligible.amount_minor // step * self.points

    def worth(self, eligible: Eligible) -> Fraction | None:
        """Return sum × points / step."""
        step = self.steps.get(eligible.currency)
        return None if step is None else Fraction(eligible.amount_minor * self.points, step)
