"""Level the goals and caps of members who were merged or parted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from services.loyalty.earning.domain import parting as caps_of_parted
from services.loyalty.earning.domain import returning
from services.loyalty.earning.domain.budgets import BudgetKey, Quotas, key_of
from services.loyalty.earning.domain.goals import Goal, widest
from services.loyalty.earning.domain.progress import GOAL, Progress, Reached, Starts, Term, term_at
from services.loyalty.earning.domain.returning import PointsOfLot
from services.loyalty.earning.steps import budgets, capping, counters, goals
from services.loyalty.earning.steps.capping import Levelling
from services.loyalty.earning.steps.goals import CompletionRecord, Completions
from services.loyalty.earning.steps.rulebooks import compiled_rulebooks, current_rulebooks, goal_starts
from services.loyalty.ledger.domain.locked import Locked
from services.loyalty.ledger.domain.postings import CauseKind, PostingCause
from services.loyalty.ledger.domain.wallets import Member
from services.loyalty.ledger.queries.postings import last_ordinal
from services.loyalty.ledger.steps import ownership
from services.loyalty.ledger.steps.booking import Booking, close_booking, open_booking
from services.loyalty.ledger.steps.lock_wallets import lock_wallets
from services.loyalty.ledger.steps.programme import current_programme
from services.loyalty.ledger.steps.tell_points import MovedPoints, tell_points
from services.loyalty.settings import Settings
from shared.context import Context
from shared.db import Tx
from shared.events.base import Cause
from shared.events.loyalty import PointsEarned, PointsReversed
from shared.vault import Numbers


@dataclass(frozen=True, slots=True)
class Parting:
    """An identity left one member for another. `takes_back`: the two were parted, so neither keeps what they reached together."""

    identity_id: str
    former_owner_id: str
    ownership_version: int
    occurred_at: datetime
    cause: Cause
    takes_back: bool


@dataclass(frozen=True, slots=True)
class _Side:
    """A member to be levelled, because of a change of owners that the ledger has a row of."""

    member: Member
    parting: Parting
    posted: PostingCause


@dataclass(frozen=True, slots=True)
class _Changed:
    """Everything that levelling members changes."""

    booking: Booking
    numbers: Numbers
    progress: Progress
    completions: Completions
    quotas: Quotas


async def level_members(tx: Tx, context: Context[Settings], partings: Sequence[Parting]) -> None:
    """Grant members the goals that their wallets reach together, and level the goals and caps of parted ones to what each has alone.

    A merge takes nothing. Nothing is read where there are no goals and no caps.
    """
    starts = await goal_starts(tx)
    if not starts and not any(parting.takes_back for parting in partings):
        return
    locked = await lock_wallets(tx, {parting.identity_id for parting in partings})
    rows = await ownership.rows_of(tx, [parting.identity_id for parting in partings])
    sides = _sides(locked, partings, rows)
    if not sides:
        return
    loaded = await _load(tx, sides, starts)
    parted = [side.member for side in sides if side.parting.takes_back]
    levellings = await capping.load_levellings(tx, locked, parted, loaded.progress.counters)
    if not loaded.begun and not levellings and not loaded.progress.counters.changed:
        return
    progress = loaded.progress
    completions = await goals.load_completions(tx, locked, progress)
    members = {side.member.owner_id: side.member for side in sides}
    ids = 3 * len(sides) * len(loaded.begun) + sum(len(levelling.owed) for levelling in levellings)
    booking = await open_booking(tx, locked, members.values(), rows=ids, all_lots=True)
    for side in sides:
        booking.journal.ordinals[side.posted] = await last_ordinal(tx, side.posted)
    quotas, of_goal = await _budgets(tx, loaded, partings[-1].occurred_at, levellings)
    changed = _Changed(booking, context.vault.numbers, progress, completions, quotas)
    completed = list[CompletionRecord]()
    waiting = list(levellings)
    for side in sides:
        if side.parting.takes_back:
            own = [levelling for levelling in waiting if levelling.member is side.member]
            _part(changed, side, loaded.begun, own)
            waiting = [levelling for levelling in waiting if levelling.member is not side.member]
        completed += [
            goals.complete(
                booking,
                changed.numbers,
                reached,
                side.posted,
                side.parting.occurred_at,
                quotas,
                of_goal.get(reached.goal.code),
            )
            for reached in _reach(loaded, side)
        ]
    await goals.store_completions(tx, completed)
    await completions.store(tx)
    await counters.store(tx, progress.counters)
    await close_booking(booking)
    await budgets.move_quotas(tx, quotas)


def _sides(locked: Locked, partings: Sequence[Parting], rows: Mapping[tuple[str, int], int]) -> list[_Side]:
    """Return the members to be levelled. A change that came too late has no row of the ledger, and changes nothing."""
    sides = []
    for parting in partings:
        row_id = rows.get((parting.identity_id, parting.ownership_version))
        wallet = locked.wallets.get(parting.identity_id)
        if row_id is None or wallet is None or wallet.ownership_version != parting.ownership_version:
            continue
        posted = PostingCause(CauseKind.OWNERSHIP, row_id)
        sides.append(_Side(locked.member(parting.identity_id), parting, posted))
        former = locked.members.get(parting.former_owner_id)
        if parting.takes_back and former is not None and former.wallets:
            sides.append(_Side(former, parting, posted))
    return sides


@dataclass(frozen=True, slots=True)
class _Goals:
    """The goals that some members count for, with their counters.

    `begun` are those of all versions that have begun, by which completions were granted and can be lost. `current` are those of the version
    in force, by which completions are granted now.
    """

    progress: Progress
    version: int
    begun: list[Term]
    current: list[Term]


async def _load(tx: Tx, sides: Sequence[_Side], starts: Starts) -> _Goals:
    zone, known = (await current_programme(tx)).zone_info, await current_rulebooks(tx)
    wallet_ids = sorted({wallet.id for side in sides for wallet in side.member.wallets})
    progress = Progress(await counters.load_of_wallets(tx, wallet_ids))
    counted = sorted(
        {(key.key, key.period_from) for key in progress.counters.rows if key.key.startswith(GOAL)}
    )
    codes = {key.removeprefix(GOAL) for key, _ in counted}
    now = max(tx.peek(), *(side.parting.occurred_at for side in sides))
    version = known.at(now).version
    with_goals = [begun.version for begun in known.begun(now) if codes.intersection(begun.goals or ())]
    books = await compiled_rulebooks(tx, {*with_goals, version})
    begun = widest([compiled.rule for number in with_goals for compiled in books[number].goals])
    current = {compiled.rule.code: compiled.rule for compiled in books[version].goals}

    def terms(of: Mapping[str, Goal]) -> list[Term]:
        named = ((key.removeprefix(GOAL), period_from) for key, period_from in counted)
        return [
            term_at(of[code], starts.get(code), period_from, zone)
            for code, period_from in named
            if code in of
        ]

    loaded = _Goals(progress, version, terms(begun), terms(current))
    fresh = {
        key
        for term in loaded.begun
        if term.begins
        for wallet_id in wallet_ids
        if (key := term.key(GOAL, wallet_id)) not in progress.counters.rows
    }
    if fresh:
        await goals.count_past(tx, progress, starts, zone, fresh)
    return loaded


async def _budgets(
    tx: Tx, loaded: _Goals, at: datetime, levellings: Sequence[Levelling]
) -> tuple[Quotas, dict[str, BudgetKey]]:
    """Return the budgets of these goals and levels, and those of the goals by goal; what members reach together is not known yet."""
    owed = [
        (lot.rulebook, BudgetKey(lot.budget, lot.budget_from), points)
        for levelling in levellings
        for lot, points in levelling.owed
        if lot.budget is not None and lot.budget_from is not None
    ]
    books = await compiled_rulebooks(tx, {loaded.version, *(rulebook for rulebook, _, _ in owed)})
    zone, book, terms = (await current_programme(tx)).zone_info, books[loaded.version], loaded.current
    of_goal = {
        term.goal.code: key_of(book.budgets[term.goal.budget], at, zone)
        for term in terms
        if term.goal.budget is not None
    }
    wanted = [(of_goal[term.goal.code], term.goal.points) for term in terms if term.goal.code in of_goal]
    wanted += [(key, points) for _, key, points in owed]
    ceilings = {key: books[rulebook].budgets[key.code].ceiling for rulebook, key, _ in owed}
    ceilings |= {key: book.budgets[key.code].ceiling for key in of_goal.values()}
    return await budgets.load_quotas(tx, wanted, ceilings), of_goal


def _reach(loaded: _Goals, side: _Side) -> Iterator[Reached]:
    """Grant the completions that a member newly comes to, on the wallet that moved."""
    living = [wallet for wallet in side.member.wallets if wallet.erased_at is None]
    if not living:
        return
    moved = [wallet for wallet in living if wallet.identity_id == side.parting.identity_id]
    wallets = [wallet.id for wallet in side.member.wallets]
    for term in loaded.current:
        reached = loaded.progress.grant(term, loaded.version, (moved or living)[0].id, wallets)
        if reached is not None:
            yield reached


def _part(changed: _Changed, side: _Side, terms: Sequence[Term], levellings: Sequence[Levelling]) -> None:
    """Take back the completions and points that a member has no more, and grant what only the common caps kept from it."""
    booking, progress = changed.booking, changed.progress
    wallets, at = [wallet.id for wallet in side.member.wallets], side.parting.occurred_at
    falls = [
        points
        for term in terms
        for lost in progress.part(term, wallets)
        for points in changed.completions.take(lost)
    ]
    for levelling in levellings:
        if levelling.shift.points < 0:
            level, points = levelling.shift
            falls += caps_of_parted.drawn(progress.counters, level, levelling.families, -points)
    returning.take_back(booking.journal, [side.member], side.posted, (), falls, (), at)
    budgets.give_back(changed.quotas, falls)
    gains = [
        gained
        for levelling in levellings
        for gained in capping.grant_owed(
            booking, progress.counters, levelling, changed.quotas, side.posted, at
        )
    ]
    _tell(changed, side, PointsReversed, falls)
    _tell(changed, side, PointsEarned, gains)


def _tell(
    changed: _Changed,
    side: _Side,
    event: type[PointsEarned | PointsReversed],
    moved: Sequence[PointsOfLot],
) -> None:
    """Tell points by wallet, because a transaction is told once of each."""
    by_wallet = Counter[int]()
    for lot, points in moved:
        by_wallet[lot.wallet.id] += points
    for wallet_id, points in by_wallet.items():
        wallet, at = changed.booking.locked.by_id[wallet_id], side.parting.occurred_at
        told = MovedPoints(wallet, points, side.parting.cause, side.posted, at)
        tell_points(changed.booking.tx, changed.numbers, changed.booking.programme, event, told)
