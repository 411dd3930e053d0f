"""Work out again how far members are towards their goals, and what their completions hold."""

from __future__ import annotations

from collections import Counter as Multiset
from collections.abc import Iterator, Mapping, Sequence

from services.loyalty.earning.domain import falling
from services.loyalty.earning.domain.levels import CounterKey, Counters
from services.loyalty.earning.domain.progress import GOAL, PREFIXES, Progress, Starts, aims_of
from services.loyalty.earning.domain.rulebook import Rulebooks
from services.loyalty.earning.storage import compiled, completions, counters, rulebooks
from services.loyalty.earning.storage.past import facts_before
from services.loyalty.earning.storage.tables import CompletionRecord
from services.loyalty.ledger.domain.wallets import Wallet
from services.loyalty.ledger.queries import lots
from services.loyalty.ledger.queries.programme import read_programme
from shared.db import Read
from shared.limits import INT64_MAX
from shared.speech import words
from shared.verify.invariants import Drift

RULES = ("goal_is_its_purchases", "goal_holds", "completion_is_its_lot")


async def goal_drifts(read: Read, page: Sequence[Wallet]) -> list[Drift]:
    """Return every difference between the goals of these wallets and what their purchases, activities, returns and lots say."""
    known = await rulebooks.versions(read)
    starts = await compiled.starts_of(read, Rulebooks(known)) if known else {}
    if not starts:
        return []
    wallet_ids = [wallet.id for wallet in page]
    stored = counters.held(await counters.of_wallets(read, wallet_ids))
    granted = await completions.of_wallets(read, wallet_ids)
    expected = await _expected(read, wallet_ids, starts, stored)
    alone = {wallet.id for wallet in page if wallet.group_size == 1}
    return [
        *_of_counters(stored, expected, granted),
        *_above(stored, starts, alone),
        *await _of_lots(read, wallet_ids, granted),
    ]


async def _expected(read: Read, wallet_ids: Sequence[int], starts: Starts, stored: Counters) -> Counters:
    """Return the counters of goals that what is left of all purchases and activities comes to."""
    zone = (await read_programme(read)).zone_info
    facts = await facts_before(read, wallet_ids, INT64_MAX)
    books = await compiled.load(read, await rulebooks.versions(read), {fact.rulebook for fact, _ in facts})
    progress = Progress(Counters())
    for fact, returned in facts:
        cart = falling.cart_of(fact)(returned)
        for aim in aims_of(books[fact.rulebook], fact.rulebook, starts, cart, zone):
            if not aim.is_past or aim.term.key(GOAL, fact.wallet_id) in stored.rows:
                progress.count(aim, fact.wallet_id, aim.counted)
    return progress.counters


def _of_counters(
    stored: Counters, expected: Counters, granted: Sequence[CompletionRecord]
) -> Iterator[Drift]:
    completed = Multiset[CounterKey]()
    for row in granted:
        completed[CounterKey(row.wallet_id, GOAL + row.goal, row.period_from)] += row.count - row.reversed
    for key in sorted(stored.rows.keys() | expected.rows.keys() | completed.keys()):
        if not key.key.startswith(PREFIXES):
            continue
        kept, wanted = stored.rows.get(key), expected.rows.get(key)
        has = (0, 0) if kept is None else (kept.measure, kept.granted)
        should = (0 if wanted is None else wanted.measure, completed[key])
        if has != should:
            difference = words(
                __name__,
                "drift_goal",
                measure=has[0],
                granted=has[1],
                expected=should[0],
                completed=should[1],
            )
            yield Drift(RULES[0], _name(key), difference)


def _above(stored: Counters, starts: Starts, alone: set[int]) -> Iterator[Drift]:
    """Find completions that no measure comes to. After a merge the measure of all wallets of the member counts."""
    targets: Mapping[str, int] = {GOAL + code: start.goal.rule.target for code, start in starts.items()}
    for key, row in stored.rows.items():
        target = targets.get(key.key)
        if target is not None and key.wallet_id in alone and row.granted > row.measure // target:
            level = words(__name__, "drift_goal_level", granted=row.granted, level=row.measure // target)
            yield Drift(RULES[1], _name(key), level)


async def _of_lots(read: Read, wallet_ids: Sequence[int], granted: Sequence[CompletionRecord]) -> list[Drift]:
    stored = {lot.id: lot for lot in await lots.of_wallets(read, wallet_ids)} if granted else {}
    drifts = []
    for row in granted:
        lot = stored.get(row.lot_id)
        kept = 0 if lot is None else lot.issued - lot.reversed
        expected = row.kept(row.count - row.reversed, 0 if lot is None else lot.issued)
        if lot is None or kept != expected:
            difference = words(__name__, "drift_completion", kept=kept, expected=expected)
            drifts.append(Drift(RULES[2], f"completion {row.id}", difference))
    return drifts


def _name(key: CounterKey) -> str:
    return f"{key.wallet_id} {key.key} {key.period_from}"
