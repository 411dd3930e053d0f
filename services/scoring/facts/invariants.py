"""The invariants of the facts: everything recomputed from the facts is what is stored."""

from collections.abc import Sequence

from services.scoring.facts.domain.facts import DayRollup, roll_up
from services.scoring.facts.domain.state import EMPTY, fold
from services.scoring.facts.storage import facts, rollups, states
from shared.db import Read
from shared.events.profile import PurchaseRecorded, PurchaseReturned
from shared.service import Drift, Invariants, Looked
from shared.speech import words
from shared.verify.event_rules import EventRule, Fact, read_rows
from shared.verify.kernel_rules import IDENTITIES, erased_identities

PAGE_MAX = 500
LOOK_MAX = 50
"""Identities or customers of one look of the running verification."""
STATES = "states:"
"""A look goes through the roll-ups of identities first, then, with this before the id, through customers' states."""
ROLLUP_RULE = "rollup_is_the_sum_of_its_facts"
STATE_RULE = "state_is_the_fold_of_its_days"


async def verify(read: Read) -> Sequence[Drift]:
    """Return every roll-up that is not the sum of its facts, and every state that is not the fold of its roll-ups."""
    drifts: list[Drift] = []
    after = ""
    while identity_ids := await facts.identities_with_facts(read, after, PAGE_MAX):
        drifts += await _drifts_of_rollups(read, identity_ids)
        after = identity_ids[-1]
    after = ""
    while customer_ids := await states.owners(read, after, PAGE_MAX):
        drifts += await _drifts_of_states(read, customer_ids)
        after = customer_ids[-1]
    return drifts


async def look(read: Read, after: str) -> Looked:
    """Look at the next few identities, and after the last identity at the next few customers."""
    if not after.startswith(STATES):
        identity_ids = await facts.identities_with_facts(read, after, LOOK_MAX)
        drifts = await _drifts_of_rollups(read, identity_ids) if identity_ids else []
        return Looked(drifts, identity_ids[-1] if len(identity_ids) == LOOK_MAX else STATES)
    customer_ids = await states.owners(read, after.removeprefix(STATES), LOOK_MAX)
    drifts = await _drifts_of_states(read, customer_ids) if customer_ids else []
    return Looked(drifts, STATES + customer_ids[-1] if len(customer_ids) == LOOK_MAX else "")


async def _drifts_of_rollups(read: Read, identity_ids: Sequence[str]) -> list[Drift]:
    history = await facts.history_of(read, identity_ids)
    stored = set(await rollups.of_identities(read, identity_ids))
    computed = set(roll_up(history.purchases, history.returns))
    return [
        Drift(ROLLUP_RULE, subject, words(__name__, "drift_should_not_be"))
        for subject in sorted(map(_subject, stored - computed))
    ] + [
        Drift(ROLLUP_RULE, subject, words(__name__, "drift_should_be"))
        for subject in sorted(map(_subject, computed - stored))
    ]


async def _drifts_of_states(read: Read, customer_ids: Sequence[str]) -> list[Drift]:
    days = await rollups.of_customers(read, customer_ids)
    stored = await states.of_customers(read, customer_ids)
    return [
        Drift(STATE_RULE, customer_id, words(__name__, "drift_state_differs"))
        for customer_id in customer_ids
        if stored.get(customer_id, EMPTY) != fold(days[customer_id])
    ]


def _subject(rollup: DayRollup) -> str:
    return f"{rollup.identity_id} {rollup.day} {rollup.currency}"


def _recorded(event: PurchaseRecorded) -> Fact:
    return Fact(event.purchase_id, (event.amount_minor, sum(line.quantity for line in event.lines)))


def _returned(event: PurchaseReturned) -> Fact:
    return Fact(event.return_id, (event.amount_minor, sum(line.quantity for line in event.lines)))


INVARIANTS = Invariants(
    (ROLLUP_RULE, STATE_RULE),
    look,
    verify,
    (
        EventRule(
            "purchase_has_its_event",
            {PurchaseRecorded: _recorded},
            read_rows(facts.PURCHASES),
            erased=erased_identities,
        ),
        EventRule(
            "return_has_its_event",
            {PurchaseReturned: _returned},
            read_rows(facts.RETURNS),
            erased=erased_identities,
        ),
        IDENTITIES,
    ),
)
