"""What the shop of a round promises: points as money, gifts, two rewards, activities with a budget, a cap and a goal, and rules of orders ahead.

Rules begin a minute after they are published at the earliest. So what they are for is dated a little ahead, which clocks may be.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any, Final

import httpx2

from tests.parts import stacks
from tests.parts.stacks import Stack

AHEAD = timedelta(seconds=75)
DATED_FROM, DATED_SECONDS = timedelta(minutes=30), 3_600
"""Orders ahead are ahead for as long as a round lasts, so no spend of theirs counts before its end."""
CHECK_IN, SURVEY = "check_in", "survey"
VISITS, ORDERS = "visits", "orders"
"""The budget of visits, which a round uses up, and that of orders ahead, which is never used up."""
VISITS_CEILING, ORDERS_CEILING = 60, 10**9
VISIT_POINTS, SURVEY_POINTS, SURVEYS_MAX = 7, 5, 12
SURVEYS_OF_A_GOAL, SURVEY_GOAL_POINTS = 3, 50
BONUS_POINTS, ORDERS_OF_A_GOAL, ORDER_GOAL_POINTS = 20, 2, 30
MUG, TREE = "mug", "tree"
PRICES: Final = {MUG: 30, TREE: 5}
MUGS = 25


@dataclass(frozen=True, slots=True)
class Promises:
    """The rules of orders ahead and of activities begin at this instant."""

    begins: datetime

    def dated(self, random: Random) -> str:
        """Return an instant for an order ahead or an activity."""
        return (self.begins + DATED_FROM + timedelta(seconds=random.randrange(DATED_SECONDS))).isoformat()


async def publish(stack: Stack) -> Promises:
    """Publish the programme, the rules and the rewards of a round, before anything is booked."""
    begins = datetime.now(UTC) + AHEAD
    async with httpx2.AsyncClient(
        base_url=stack.address("loyalty"), headers=stacks.operator(stack, "admin"), timeout=60
    ) as client:
        programme = (await client.get("/v1/programme")).json()["document"]
        paying = {
            "points_value": {"points": 1, "amount_minor": 1}, "transfers": {"points_min": 1, "points_max": 500}
        }  # fmt: skip
        answers = [
            await client.post(
                "/v1/programme/versions",
                json={"in_force_from": None, "document": programme | paying},
                headers={"Idempotency-Key": "chaos-programme"},
            ),
            await client.post(
                "/v1/rulebooks",
                json={"in_force_from": begins.isoformat(), "document": _rules(begins)},
                headers={"Idempotency-Key": "chaos-rules"},
            ),
        ]
        for code, document in _rewards().items():
            answers.append(await client.put(f"/v1/rewards/{code}", json={"document": document}))
    for answer in answers:
        assert answer.is_success, f"the shop cannot promise what a round needs: {answer.text}"
    return Promises(begins)


def _rules(begins: datetime) -> dict[str, Any]:
    in_yuan = {"op": "eq", "fact": "order.currency", "value": "CNY"}
    return {
        "rules": [
            {"code": "base", "kind": "points_per_amount", "rates": {"CNY": 1}},
            {"code": "ahead", "kind": "fixed_bonus", "points": BONUS_POINTS, "when": in_yuan, "budget": ORDERS},
            {
                "code": "visit", "kind": "fixed_bonus", "on": f"activity:{CHECK_IN}", "points": VISIT_POINTS,
                "budget": VISITS,
            },
            {
                "code": "survey", "kind": "fixed_bonus", "on": f"activity:{SURVEY}", "points": SURVEY_POINTS,
                "cap": "surveys",
            },
        ],
        "caps": [{"code": "surveys", "period": "lifetime", "limit": SURVEYS_MAX}],
        "budgets": [
            {"code": VISITS, "ceiling": VISITS_CEILING}, {"code": ORDERS, "ceiling": ORDERS_CEILING}
        ],
        "goals": [
            {
                "code": "surveys_told", "measure": f"activity:{SURVEY}", "target": SURVEYS_OF_A_GOAL,
                "points": SURVEY_GOAL_POINTS,
            },
            {
                "code": "orders_ahead", "measure": "purchases", "target": ORDERS_OF_A_GOAL, "when": in_yuan,
                "points": ORDER_GOAL_POINTS, "begins_at": begins.isoformat(),
            },
        ],
    }  # fmt: skip


def _rewards() -> dict[str, dict[str, Any]]:
    mug = {"name_en": "Tea mug", "name_zh": "茶杯", "item": {"kind": "gift", "sku": "MUG-1"}, "stock": MUGS}
    tree = {"name_en": "A tree", "name_zh": "一棵树", "item": {"kind": "donation"}}
    return {
        code: document | {"price": {"points": PRICES[code]}} for code, document in ((MUG, mug), (TREE, tree))
    }
