"""Recompute everything that is stored from the facts, and say what differs."""

from collections.abc import Sequence

from services.scoring.domain.facts import DayRollup, roll_up
from services.scoring.domain.state import EMPTY, fold
from services.scoring.storage import facts, states
from shared.db import Read
from shared.service import Drift

PAGE_MAX = 500


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
