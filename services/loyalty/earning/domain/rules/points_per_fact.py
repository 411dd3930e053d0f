"""Points per full step of a number that an activity tells: ⌊fact / step⌋ × points."""

from typing import Annotated, Literal

from pydantic import Field

from services.loyalty.earning.domain.conditions import Fact
from services.loyalty.earning.domain.documents import Points
from services.loyalty.earning.domain.fact_names import ACTIVITY
from services.loyalty.earning.domain.rules.terms import BaseTerms, Eligible, Fraction

STEP_MAX = 1_000_000_000_000


class PointsPerFact(BaseTerms):
    """Grants `points` for each full step of a number that an activity tells, such as `activity.minutes`."""

    kind: Literal["points_per_fact"] = "points_per_fact"
    fact: Fact
    step: Annotated[int, Field(ge=1, le=STEP_MAX, description="By default 1.")] = 1
    points: Annotated[Points, Field(le=10_000)]

    def earned(self, eligible: Eligible) -> int | None:
        """Return ⌊fact / step⌋ × points; 0 if the activity does not tell this number."""
        return self._number(eligible) // self.step * self.points

    def worth(self, eligible: Eligible) -> Fraction | None:
        """Return fact × points / step."""
        return Fraction(self._number(eligible) * self.points, self.step)

    def _number(self, eligible: Eligible) -> int:
        value = eligible.facts.get(self.fact.removeprefix(ACTIVITY), 0)
        return value if isinstance(value, int) else 0
