"""The invariants of earned points: lots hold what the rules grant for the units that are left, caps what they let through.

Goals are completed as often as what was bought comes to (`queries/verify_goals.py`).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from services.loyalty.activities.queries import activities
from services.loyalty.earning.domain import falling, leaving
from services.loyalty.earning.domain.budgets import BudgetKey, QuotaKind
from services.loyalty.earning.domain.compiling import CompiledRulebook
from services.loyalty.earning.domain.earning import levels_of
from services.loyalty.earning.domain.falling import Booked
from services.loyalty.earning.domain.levels import PREFIX as CAP
from services.loyalty.earning.domain.levels import CounterKey, Level
from services.loyalty.earning.domain.periods import BEGINNING
from services.loyalty.earning.queries import rulebooks, verify_goals
from services.loyalty.earning.storage import completions, counters, quotas
from services.loyalty.ledger.domain.postings import CauseKind
from services.loyalty.ledger.domain.wallets import Wallet
from services.loyalty.ledger.queries import lots
from services.loyalty.ledger.queries.lots import LotRecord
from services.loyalty.ledger.queries.programme import read_programme
from services.loyalty.ledger.queries.verifying import missing_facts, over_wallets
from services.loyalty.ledger.queries.wallets import members_page
from services.loyalty.purchases.domain.facts import UnitRange
from services.loyalty.purchases.queries import orders
from shared.db import Read
from shared.speech import words
from shared.verify.invariants import Drift

RULES = (
    "reversed_is_what_its_units_earned",
    "counter_is_its_lots",
    "cap_holds",
    *verify_goals.RULES,
    "budget_is_its_lots",
)


@dataclass(slots=True)
class _Expected:
    """The amounts that the counters of some wallets should hold by their lots."""

    wanted: dict[CounterKey, int]
    """The points that rules wanted for what was not returned, at the innermost cap."""
    held: dict[CounterKey, int]
    """The points of lots that no return took, at the outermost cap."""
    outer: dict[CounterKey, CounterKey]
    """The counter that each counter passes points on to."""
    limits: dict[CounterKey, int]
    """The highest limit that each cap had for these lots. The counter of no wallet is above it."""


async def check(read: Read, page: Sequence[Wallet]) -> list[Drift]:
    """Work out again what is left of each lot from the lines bought, the activities and what was taken back, and what its caps count."""
    wallet_ids = [wallet.id for wallet in page]
    of_wallets = await lots.of_wallets(read, wallet_ids)
    stored = [lot for lot in of_wallets if (lot.purchase_id or lot.activity_id) is not None]
    later = [lot for lot in of_wallets if lot.origin_lot_id is not None and lot.cap is not None]
    facts, returned = await _facts(read, stored)
    books = await rulebooks.compiled_of(read, {lot.rulebook for lot in stored})
    zone = (await read_programme(read)).zone_info if stored else None
    drifts, expected = [], _Expected({}, {}, {}, {})
    for lot in stored:
        fact = facts.get(lot.purchase_id or lot.activity_id or 0)
        if fact is None or zone is None:
            continue  # the rule "cause_has_a_fact" names it
        book = books[lot.rulebook]
        left = _left(book, lot, fact, returned.get(fact.id, []))
        chain = levels_of(book, lot.rule, fact.occurred_at, zone) if lot.cap is not None else ()
        if chain:
            _add(expected, chain, lot, left)
        elif lot.issued - lot.reversed != left:
            difference = words(__name__, "drift_reversed", reversed=lot.reversed, expected=lot.issued - left)
            drifts.append(Drift(RULES[0], f"lot_{lot.id}", difference))
    for lot in later:  # of the lot that an unmerge gave more points
        key = CounterKey(lot.wallet_id, f"{CAP}{lot.cap}", lot.cap_from or BEGINNING)
        expected.held[key] = expected.held.get(key, 0) + lot.issued - lot.reversed
    return [
        *drifts,
        *await _counters(read, wallet_ids, expected),
        *await verify_goals.goal_drifts(read, page),
        *await _budgets(read, page),
        *await missing_facts(read, page, (CauseKind.GOAL,), _known),
    ]


async def _facts(
    read: Read, stored: Sequence[LotRecord]
) -> tuple[Mapping[int, Booked], Mapping[int, Sequence[UnitRange]]]:
    """Return the purchases and activities that earned these lots, and what went back of each, by row id; no two share one."""
    purchase_ids = sorted({lot.purchase_id for lot in stored if lot.purchase_id is not None})
    activity_ids = sorted({lot.activity_id for lot in stored if lot.activity_id is not None})
    bought = await orders.find_rows(read, purchase_ids)
    returned = await orders.returned_units(read, purchase_ids)
    done = await activities.find_rows(read, activity_ids) if activity_ids else {}
    return {**bought, **done}, {**returned, **await activities.taken_back(read, activity_ids)}


async def _budgets(read: Read, page: Sequence[Wallet]) -> list[Drift]:
    """Compare all budgets with all lots, once in each pass over the wallets: on the page of the first one."""
    first, _ = await members_page(read, 0, 1)
    if not first or first[0][0].id not in {wallet.id for wallet in page}:
        return []
    stored = {quotas.key_of(record): record.used for record in await quotas.all_of(read, QuotaKind.BUDGET)}
    left = {BudgetKey(*key): points for key, points in (await lots.left_of_budgets(read)).items()}
    return [
        Drift(
            RULES[-1],
            f"{key.code} {key.period_from}",
            words(__name__, "drift_budget", used=used, expected=points),
        )
        for key in sorted(stored.keys() | left.keys())
        if (used := stored.get(key, 0)) != (points := left.get(key, 0))
    ]


async def _known(read: Read, _kind: CauseKind, row_ids: Sequence[int]) -> Collection[int]:
    return {record.id for record in await completions.by_ids(read, row_ids)}


def _left(book: CompiledRulebook, lot: LotRecord, fact: Booked, units: Sequence[UnitRange]) -> int:
    wanted = lot.issued if lot.wanted is None else lot.wanted
    facts = leaving.GrantFacts(lot.rule, wanted, lot.base, lot.eligible)
    return leaving.left_of(book, facts, fact.lines, units, falling.cart_of(fact))


def _add(expected: _Expected, chain: Sequence[Level], lot: LotRecord, left: int) -> None:
    """Add a lot to what its counters should hold."""
    keys = [level.of(lot.wallet_id) for level in chain]
    expected.wanted[keys[0]] = expected.wanted.get(keys[0], 0) + left
    expected.held[keys[-1]] = expected.held.get(keys[-1], 0) + lot.issued - lot.reversed
    expected.outer |= dict(pairwise(keys))
    for key, level in zip(keys, chain, strict=True):
        expected.limits[key] = max(expected.limits.get(key, 0), level.cap.limit)


async def _counters(read: Read, wallet_ids: Sequence[int], expected: _Expected) -> list[Drift]:
    """Compare the stored counters with what they should hold."""
    stored = {
        CounterKey(record.wallet_id, record.key, record.period_from): record
        for record in await counters.of_wallets(read, wallet_ids)
        if record.key.startswith(CAP)
    }
    measures = dict(expected.wanted)
    for inner, outer in expected.outer.items():
        passed = stored[inner].granted if inner in stored else 0
        measures[outer] = measures.get(outer, 0) + passed
    drifts = []
    for key in sorted(measures.keys() | stored.keys()):
        record = stored.get(key)
        measure, granted = (record.measure, record.granted) if record is not None else (0, 0)
        wanted = measures.get(key, 0)
        held = granted if key in expected.outer else expected.held.get(key, 0)
        if (measure, granted) != (wanted, held):
            difference = words(
                __name__, "drift_counter", measure=measure, granted=granted, wanted=wanted, held=held
            )
            drifts.append(Drift(RULES[1], _name(key), difference))
        limit = expected.limits.get(key)
        if limit is not None and granted > limit:
            drifts.append(
                Drift(RULES[2], _name(key), words(__name__, "drift_limit", granted=granted, limit=limit))
            )
    return drifts


def _name(key: CounterKey) -> str:
    return f"{key.wallet_id} {key.key} {key.period_from}"


INVARIANTS = over_wallets(RULES, check)
