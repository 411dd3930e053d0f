"""Goals: what depends on other purchases of the member, such as the first one, every fifth one, or a challenge."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from typing import Annotated

from pydantic import Discriminator, Field, Tag
from typing_extensions import TypeAliasType

from services.loyalty.earning.domain.documents import (
    ACTIVITY,
    ACTIVITY_KIND,
    ACTIVITY_TRIGGER_MAX,
    PURCHASE,
    Points,
)
from services.loyalty.earning.domain.periods import Period
from services.loyalty.earning.domain.rules.terms import (
    AvailableAfterDays,
    AvailableFrom,
    BudgetCode,
    ExpiresAfterMonths,
    ExpiresUntilEndOf,
    NeverExpires,
    Selection,
)
from shared.limits import INT64_MAX, ORDER_AMOUNT_MAX

GOAL_POINTS_MAX = 1_000_000_000_000
"""Points that one order can bring by one goal. A goal that could grant more is refused."""
TIMES_MAX = 1_000_000
UNLIMITED = INT64_MAX


class Measure(StrEnum):
    """The quantity that a goal adds up over purchases. `active_days` are the calendar days, in the programme's zone, on which the member bought."""

    PURCHASES = "purchases"
    AMOUNT = "amount"
    QUANTITY = "quantity"
    ACTIVE_DAYS = "active_days"


ActivityMeasure = TypeAliasType(
    "ActivityMeasure",
    Annotated[
        str,
        Field(
            max_length=ACTIVITY_TRIGGER_MAX,
            pattern=ACTIVITY_KIND,
            description="`activity:` and a kind, such as `activity:check_in`: how many activities of this kind the member has, without "
            "those that were reversed.",
        ),
    ],
)


def _sort_of_measure(value: object) -> str:
    """Return which of the two sorts of measures a text is to be read as, so that a fault is told once."""
    return "activity" if isinstance(value, str) and value.startswith(ACTIVITY) else "measure"


class Goal(Selection):
    """Grants `points` each time that the measure of a member's purchases or activities, without what was taken back, reaches `target` once more."""

    measure: Annotated[
        Annotated[Measure, Tag("measure")] | Annotated[ActivityMeasure, Tag("activity")],
        Discriminator(_sort_of_measure),
    ]
    currency: Annotated[
        str | None,
        Field(description="Of `amount` only: purchases in other currencies do not count."),
    ] = None
    target: Annotated[
        int, Field(ge=1, le=ORDER_AMOUNT_MAX, description="Of `amount`: minor units of the currency.")
    ]
    times: Annotated[
        Annotated[int, Field(ge=1, le=TIMES_MAX)] | None,
        Field(description="How often a member completes it in each period, by default without a limit."),
    ] = None
    period: Annotated[
        Period, Field(description="The measure begins at 0 in each period, by default never.")
    ] = Period.LIFETIME
    points: Points
    budget: BudgetCode = None
    available_after_days: AvailableAfterDays = None
    available_from: AvailableFrom = None
    expires_after_months: ExpiresAfterMonths = None
    expires_until_end_of: ExpiresUntilEndOf = None
    never_expires: NeverExpires = None

    @property
    def trigger(self) -> str:
        """Return what the goal counts: `purchase`, or `activity:` and a kind."""
        return PURCHASE if isinstance(self.measure, Measure) else self.measure

    @property
    def meaning(self) -> tuple[object, ...]:
        """Return what never changes under one code, because its counters are those of the code."""
        return self.measure, self.currency, self.target, self.period

    @property
    def often(self) -> int:
        """Return how often a member can complete the goal in a period."""
        return UNLIMITED if self.times is None else self.times

    def reached(self, measure: int) -> int:
        """Return how often a measure completes the goal."""
        return min(self.often, measure // self.target)

    def missing(self, measure: int) -> int | None:
        """Return how much more completes the goal once more; None: it cannot be completed more often in this period."""
        return self.target - measure % self.target if self.reached(measure) < self.often else None


def widest(goals: Iterable[Goal]) -> dict[str, Goal]:
    """Return goals of several versions by their code, each with the largest `times` that a version had.

    A code keeps its measure, its target and its period over versions. What an earlier version granted stays granted when a later one
    allows fewer times, or has the goal no more.
    """
    found: dict[str, Goal] = {}
    for goal in goals:
        known = found.setdefault(goal.code, goal)
        if goal.often > known.often:
            found[goal.code] = goal
    return found
