"""Points per unit: number of units × points."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from services.loyalty.earning.domain.documents import Points
from services.loyalty.earning.domain.rules.terms import BaseTerms, Eligible, Fraction


class PointsPerUnit(BaseTerms):
    """Grants `points` for each unit of the lines that count. A returned unit takes its own points back, whatever it cost."""

    by_units: ClassVar[bool] = True

    kind: Literal["points_per_unit"] = "points_per_unit"
    points: Annotated[Points, Field(le=100_000)]

    def earned(self, eligible: Eligible) -> int | None:
        """Return the number of units × points."""
        return eligible.quantity * self.points

    def worth(self, eligible: Eligible) -> Fraction | None:
        """Return the number of units × points."""
        return Fraction(eligible.quantity * self.points, 1)
