"""A fixed bonus for the whole order."""

from typing import ClassVar, Literal

from services.loyalty.earning.domain.documents import Points
from services.loyalty.earning.domain.rules.terms import BaseTerms, Eligible, OnReturn


class FixedBonus(BaseTerms):
    """Grants `points` once to an order or an activity that meets the conditions, and takes all of them back when it no longer does."""

    returns: ClassVar[OnReturn] = OnReturn.REQUALIFY

    kind: Literal["fixed_bonus"] = "fixed_bonus"
    points: Points

    def earned(self, eligible: Eligible) -> int | None:
        """Return the points of the bonus."""
        return self.points
