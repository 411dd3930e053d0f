"""A multiplier of another rule: ⌊points of that rule × (percent − 100) / 100⌋ on top, for the lines that count for both.

Multipliers add: 150 % for a tier and 200 % for a day make 250 %. Each is a grant of its own, computed from what the other
rule's lines are worth and not from its rounded points, so their order does not matter.
"""

from typing import Annotated, Literal

from pydantic import Field

from services.loyalty.earning.domain.documents import Code
from services.loyalty.earning.domain.rules.terms import Fraction, Terms

PERCENT_MAX = 2_000
WHOLE = 100


class Multiplier(Terms):
    """Grants what is missing to `percent` of the points of the rule `of`, on the lines that count for both."""

    kind: Literal["multiplier"] = "multiplier"
    percent: Annotated[int, Field(gt=WHOLE, le=PERCENT_MAX)]
    of: Code

    def on_top(self, worth: Fraction) -> int:
        """Return ⌊worth × (percent − 100) / 100⌋."""
        return worth.numerator * (self.percent - WHOLE) // (worth.denominator * WHOLE)
