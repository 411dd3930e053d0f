"""The goals of a member: how far they are."""

from datetime import date

from pydantic import Field

from services.loyalty.earning.domain.goals import ActivityMeasure, Measure
from services.loyalty.earning.queries.goals import GoalStanding, goals_of_member
from services.loyalty.ledger.queries.find_member import find_member
from services.loyalty.ledger.refusals import UnknownMember
from services.loyalty.purchases.domain.reasons import Reason
from services.loyalty.settings import Settings
from shared.auth.access import OPERATORS, allow
from shared.http.customers import CustomerId
from shared.http.dependencies import InContext, Reading
from shared.http.models import Response, example
from shared.http.routes import Router

router = Router(tags=["members"])

GOAL_EXAMPLE = {
    "goal": "every_fifth", "measure": "purchases", "period_from": "0001-01-01", "target": 5, "points": 50, "counted": 1,
    "reason": None, "fact": None, "missing": None, "completed": 0, "earned": 0, "reached": 3, "granted": 0, "to_go": 2,
}  # fmt: skip


class GoalStandingOut(Response):
    """A goal, what a purchase counts for it, and how far the member is."""

    goal: str
    measure: Measure | ActivityMeasure
    period_from: date = Field(description="The first day of its period, in the programme's zone.")
    target: int
    points: int = Field(description="The points of each completion.")
    counted: int = Field(description="What the purchase counts, when all its units are there.")
    reason: Reason | None = Field(
        description="Why the purchase does not count; null: it does, or there is no purchase."
    )
    fact: str | None = Field(description="The first fact that did not meet the goal's condition.")
    missing: int | None = Field(description="How much more of the fact would have met it, if more would.")
    completed: int = Field(description="How often the purchase completes the goal.")
    earned: int = Field(
        description="The points that the purchase brings by it: less than `points` for each completion if its budget has no room for them."
    )
    reached: int = Field(description="The measure of the member in this period.")
    granted: int = Field(description="How often the member has completed it in this period.")
    to_go: int | None = Field(
        description="How much more completes it once more; null: it is completed as often as it can be."
    )


class MemberGoalsOut(Response):
    """The goals of a member."""

    model_config = example(goals=[{**GOAL_EXAMPLE, "counted": 0}])

    goals: list[GoalStandingOut]


@router.get(
    "/v1/members/{customer_id}/goals",
    operation_id="get_member_goals",
    summary="Get a member's goals",
    allow=allow(OPERATORS, customer="self"),
    errors=(UnknownMember,),
)
async def get_member_goals(
    read: Reading, context: InContext[Settings], customer_id: CustomerId
) -> MemberGoalsOut:
    """Say how far the member is towards each goal of the rules in force, in the period of now."""
    found = await find_member(read, customer_id, context.clock.now())
    standings = await goals_of_member(read, context, found)
    return MemberGoalsOut(goals=[goal_out(standing) for standing in standings])


def goal_out(standing: GoalStanding) -> GoalStandingOut:
    """Show a goal."""
    unmet = standing.unmet
    return GoalStandingOut(
        goal=standing.goal.code,
        measure=standing.goal.measure,
        period_from=standing.period_from,
        target=standing.goal.target,
        points=standing.goal.points,
        counted=standing.counted,
        reason=standing.reason,
        fact=None if unmet is None else unmet.fact,
        missing=None if unmet is None else unmet.missing,
        completed=standing.completed,
        earned=standing.earned,
        reached=standing.measure,
        granted=standing.granted,
        to_go=standing.to_go,
    )
