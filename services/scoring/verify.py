"""Recompute everything that is stored from the facts, and say what differs."""

from collections.abc import Sequence

from services.scoring.domain.facts import DayRollup, roll_up
from services.scoring.domain.state import EMPTY, fold
from services.scoring.storage import facts, states
from shared.db import Read
from shared.service import Drift, Invariants, Looked

PAGE_MAX = 500
LOOK_MAX = 50
"""Identities or customers of one look of the running verification."""
STATES = "states:"
"""A look goes through the identities' roll-ups first, then, with this before the id, through the customers' states."""


async def drift(read: Read) -> Sequence[Drift]:
    """Every roll-up that is not the sum of its facts, and every state that is not the fold of its roll-ups."""
    found: list[Drift] = []
    after = ""
    while page := await facts.identities_with_facts(read, after, PAGE_MAX):
        found += await _rollups(read, page)
        after = page[-1]
    after = ""
    while customers := await states.owners(read, after, PAGE_MAX):
        found += await _states(read, customers)
        after = customers[-1]
    return found


async def look(read: Read, after: str) -> Looked:
    """The same for the next few identities, and behind the last of them for the next few customers."""
    if not after.startswith(STATES):
        page = await facts.identities_with_facts(read, after, LOOK_MAX)
        found = await _rollups(read, page) if page else []
        return Looked(found, page[-1] if len(page) == LOOK_MAX else STATES)
    customers = await states.owners(read, after.removeprefix(STATES), LOOK_MAX)
    found = await _states(read, customers) if customers else []
    return Looked(found, STATES + customers[-1] if len(customers) == LOOK_MAX else "")


async def _rollups(read: Read, identity_ids: Sequence[str]) -> list[Drift]:
    purchases, returns = await facts.facts_of(read, identity_ids)
    stored, computed = (
        set(await facts.rollups_of_identities(read, identity_ids)),
        set(roll_up(purchases, returns)),
    )
    return [Drift("rollup_is_the_sum_of_its_facts", _named(rollup), "it is stored and should not be") for rollup in sorted(stored - computed, key=_named)] + [
        Drift("rollup_is_the_sum_of_its_facts", _named(rollup), "it should be stored and is not") for rollup in sorted(computed - stored, key=_named)
    ]  # fmt: skip


async def _states(read: Read, customer_ids: Sequence[str]) -> list[Drift]:
    rollups = await facts.rollups_of(read, customer_ids)
    stored = await states.of_customers(read, customer_ids)
    return [
        Drift("state_is_the_fold_of_its_days", customer_id, "the stored state differs from the fold")
        for customer_id in customer_ids
        if stored.get(customer_id, EMPTY) != fold(rollups[customer_id])
    ]


def _named(rollup: DayRollup) -> str:
    return f"{rollup.identity_id} {rollup.day} {rollup.currency}"


INVARIANTS = Invariants(("rollup_is_the_sum_of_its_facts", "state_is_the_fold_of_its_days"), look)
"""What always holds of scores."""
