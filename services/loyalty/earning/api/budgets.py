"""Budgets: what all members together have got, and how much they can get."""

from datetime import date
from typing import Annotated

from fastapi import Path
from pydantic import Field

from services.loyalty.earning.api.rulebooks import PUBLISHERS
from services.loyalty.earning.domain.budgets import CEILING_MAX
from services.loyalty.earning.domain.documents import CODE
from services.loyalty.earning.domain.periods import Period
from services.loyalty.earning.queries.budgets import BudgetState, list_budgets
from services.loyalty.earning.refusals import BudgetNotFound, CeilingBelowUse
from services.loyalty.earning.usecases.set_ceiling import set_ceiling
from services.loyalty.settings import Settings
from shared.auth.access import OPERATORS, allow
from shared.http.dependencies import InContext, Reading, Transaction
from shared.http.models import Request, Response, example
from shared.http.routes import Router
from shared.limits import CODE_MAX

router = Router(tags=["rulebooks"])

_EXAMPLE = {
    "budget": "spring", "period": "month", "period_from": "2026-03-01", "ceiling": 100_000, "used": 64_200, "held": 0,
    "room": 35_800,
}  # fmt: skip


class BudgetStateOut(Response):
    """A budget in the period of now."""

    model_config = example(**_EXAMPLE)

    budget: str
    period: Period
    period_from: date = Field(description="The first day of its period, in the programme's zone.")
    ceiling: int = Field(description="The most points of all members together in this period.")
    used: int = Field(description="What was granted, less what returns gave back.")
    held: int = Field(description="What is promised and may still be granted.")
    room: int = Field(description="What can still be granted.")


class BudgetsOut(Response):
    """The budgets of the rules in force."""

    model_config = example(budgets=[_EXAMPLE])

    budgets: list[BudgetStateOut]


class CeilingIn(Request):
    """Another ceiling for the period of now."""

    model_config = example(ceiling=150_000)

    ceiling: Annotated[int, Field(ge=1, le=CEILING_MAX)]


@router.get("/v1/budgets", operation_id="list_budgets", summary="List budgets", allow=allow(OPERATORS))
async def get_budgets(read: Reading, context: InContext[Settings]) -> BudgetsOut:
    """Say what was granted of each budget of the rules in force in the period of now, and what can still be granted."""
    return BudgetsOut(budgets=[_shown(state) for state in await list_budgets(read, context)])


@router.put(
    "/v1/budgets/{budget}/ceiling",
    operation_id="set_budget_ceiling",
    summary="Set the ceiling of a budget",
    allow=allow(PUBLISHERS),
    errors=(BudgetNotFound, CeilingBelowUse),
)
async def put_ceiling(
    tx: Transaction,
    context: InContext[Settings],
    budget: Annotated[str, Path(max_length=CODE_MAX, pattern=CODE, examples=["spring"])],
    body: CeilingIn,
) -> BudgetStateOut:
    """Change how many points all members together can get of a budget in the period of now, not below what was granted."""
    return _shown(await set_ceiling(tx, context, budget, body.ceiling))


def _shown(state: BudgetState) -> BudgetStateOut:
    return BudgetStateOut(
        budget=state.key.code,
        period=state.budget.period,
        period_from=state.key.period_from,
        ceiling=state.quota.ceiling,
        used=state.quota.used,
        held=state.quota.held,
        room=state.quota.room,
    )
