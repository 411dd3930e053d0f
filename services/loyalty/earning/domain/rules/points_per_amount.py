"""Points per whole unit of money: ⌊sum / 10^exponent⌋ × rate."""

from typing import Annotated, Literal

from pydantic import Field

from services.loyalty.earning.domain.documents import CURRENCIES_MAX
from services.loyalty.earning.domain.rules.terms import BaseTerms, Eligible, Fraction, unit_of

RATE_MAX = 10_000


class PointsPerAmount(BaseTerms):
    """Grants `rates[currency]` points for each whole unit of the sum of the lines that count."""

    kind: Literal["points_per_amount"] = "points_per_amount"
    rates: Annotated[
        dict[str, Annotated[int, Field(ge=1, le=RATE_MAX)]],
        Field(min_length=1, max_length=CURRENCIES_MAX, description="Points per whole unit, by currency."),
    ]

    def earned(self, eligible: Eligible) -> int | None:
        """Return ⌊sum / 10^exponent⌋ × rate."""
        rate = self.rates.get(eligible.currency)
        return None if rate is None else eligible.amount_minor // unit_of(eligible.currency) * rate

    def worth(self, eligible: Eligible) -> Fraction | None:
        """Return sum × rate / 10^exponent."""
        rate = self.rates.get(eligible.currency)
        return None if rate is None else Fraction(eligible.amount_minor * rate, unit_of(eligible.currency))
