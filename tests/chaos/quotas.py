"""What all members share: the pieces of a reward, and the points of budgets. No more was given than there was."""

from collections.abc import Sequence
from datetime import UTC, datetime

import httpx2

from tests.chaos import oracle
from tests.chaos.journal import Asked, Journal
from tests.chaos.promises import MUG, MUGS, ORDERS, VISITS, VISITS_CEILING
from tests.parts import stacks
from tests.parts.stacks import Stack


async def wrong(stack: Stack, journal: Journal) -> list[str]:
    """Return what the product says of pieces and budgets that differs from what was given and not taken back."""
    async with httpx2.AsyncClient(
        base_url=stack.address("loyalty"), headers=stacks.operator(stack, "admin"), timeout=60
    ) as client:
        mugs = (await client.get(f"/v1/rewards/{MUG}")).json()["stock"]["used"]
        budgets = (await client.get("/v1/budgets")).json()["budgets"]
    return differences(journal.counted, mugs, {budget["budget"]: budget["used"] for budget in budgets})


def differences(asked: Sequence[Asked], mugs: int, used: dict[str, int]) -> list[str]:
    """Compare with the requests that were accepted. `used` has no budgets before the rules are in force."""
    done = [request for request in asked if request.done]
    claimed = sum(claim["reward"] == MUG for _, claim in oracle.standing_claims(done))
    given = {VISITS: oracle.visits(done), ORDERS: oracle.bonuses(done, datetime.now(UTC))}
    found = [f"{claimed} pieces are claimed, and {mugs} are counted"] if claimed != mugs else []
    found += [f"{claimed} pieces are claimed of {MUGS}"] if claimed > MUGS else []
    found += (
        [f"{given[VISITS]} points were given of a budget of {VISITS_CEILING}"]
        if given[VISITS] > VISITS_CEILING
        else []
    )
    return found + [
        f"budget {code}: {given[code]} points were given, and {count} are counted"
        for code, count in used.items()
        if given[code] != count
    ]
