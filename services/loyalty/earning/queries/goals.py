"""Read how far members are towards the goals of a version of the rules."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from zoneinfo import ZoneInfo

from services.loyalty.earning.domain import explaining
from services.loyalty.earning.domain.cart import Cart
from services.loyalty.earning.domain.compiling import CompiledRulebook
from services.loyalty.earning.domain.explaining import Unmet
from services.loyalty.earning.domain.goals import Goal
from services.loyalty.earning.domain.progress import (
    GOAL,
    Aim,
    Progress,
    Start,
    Starts,
    keys_of,
    series_of,
    term_of,
)
from services.loyalty.earning.domain.rulebook import Rulebooks
from services.loyalty.earning.domain.rules.grants import Nothing
from services.loyalty.earning.storage import compiled, counters, rulebooks
from services.loyalty.earning.storage.past import count_past
from services.loyalty.ledger.queries.find_member import FoundMember
from services.loyalty.ledger.queries.programme import programme_or_default
from services.loyalty.purchases.domain.reasons import Reason
from services.loyalty.settings import Settings
from shared.context import Context
from shared.db import Read
from shared.limits import INT64_MAX
from shared.local_time import local_day


@dataclass(frozen=True, slots=True)
class GoalStanding:
    """A goal in one of its periods, how much a purchase counts for it, and how far the member is then.

    `completed` is how often the purchase completes it, `granted` how often the member has, both without what was reached before the
    goal. `earned` are the points that the purchase brings by it, as far as its budget had room.
    """

    goal: Goal
    period_from: date
    counted: int
    reason: Reason | None
    unmet: Unmet | None
    measure: int
    granted: int
    completed: int
    earned: int = 0

    @property
    def to_go(self) -> int | None:
        """Return how much more completes the goal once more; None: it cannot be completed more often in this period."""
        return self.goal.missing(self.measure)


Asked = tuple[Aim, Reason | None]
"""A goal that a purchase may count for, and why it does not."""


def asked_of(
    book: CompiledRulebook, starts: Starts, cart: Cart | None, at: datetime, zone: ZoneInfo
) -> list[Asked]:
    """Return the goals of a version at an instant that count such facts, with what this one counts for them; without a fact all, with nothing."""
    day, asked = local_day(at, zone), list[Asked]()
    for goal in book.goals:
        if cart is not None and goal.trigger != cart.trigger:
            continue
        counted = 0 if cart is None else goal.counted(cart)
        units, reason = (0, counted.reason) if isinstance(counted, Nothing) else (counted, None)
        term = term_of(goal.rule, starts.get(goal.rule.code), day, zone)
        asked.append((Aim(goal, term, 0, day, is_past=False, counted=units), reason))
    return asked


async def starts_with(read: Read, book: CompiledRulebook, at: datetime) -> Starts:
    """Return the begin of every goal, also of those that only this document has: they begin at the instant that is asked for."""
    known = await rulebooks.versions(read)
    starts = dict(await compiled.starts_of(read, Rulebooks(known))) if known else {}
    for goal in book.goals:
        starts.setdefault(goal.rule.code, Start(INT64_MAX, at, goal))
    return starts


async def standings_of(
    read: Read,
    progress: Progress,
    starts: Starts,
    zone: ZoneInfo,
    asked: Sequence[Asked],
    wallet_id: int | None,
    wallets: Sequence[int],
    cart: Cart | None,
) -> list[GoalStanding]:
    """Return how far a member with these wallets is after a purchase on one of them. Nothing is written.

    `wallet_id` None: the purchase is counted already, or there is none.
    """
    fresh = {
        key
        for aim, _ in asked
        if aim.term.begins
        for owned in wallets
        if (key := aim.term.key(GOAL, owned)) not in progress.counters.rows
    }
    if fresh:
        await count_past(read, progress, starts, zone, fresh)
    standings = []
    for aim, reason in asked:
        reached = None
        if aim.counted and wallet_id is not None:
            progress.count(aim, wallet_id, aim.counted)
            reached = progress.grant(aim.term, 0, wallet_id, wallets)
        goal, now = aim.term.goal, progress.standing(aim.term, wallets)
        is_unmet = reason is Reason.CONDITION and cart is not None
        standings.append(
            GoalStanding(
                goal=goal,
                period_from=aim.term.period_from,
                counted=aim.counted,
                reason=reason,
                unmet=explaining.unmet(goal, cart) if is_unmet and cart is not None else None,
                measure=now.measure,
                granted=now.granted,
                completed=0 if reached is None else reached.completions,
            )
        )
    return standings


async def goals_of_member(read: Read, context: Context[Settings], found: FoundMember) -> list[GoalStanding]:
    """Return how far a member is towards each goal of the version of the rules that is in force."""
    now, known = context.clock.now(), await rulebooks.versions(read)
    if not known:
        return []
    books = Rulebooks(known)
    version = books.at(now).version
    book = (await compiled.load(read, known, [version]))[version]
    if not book.goals:
        return []
    zone = (await programme_or_default(read, context)).zone_info
    starts, wallets = await compiled.starts_of(read, books), found.wallet_ids
    asked = asked_of(book, starts, None, now, zone)
    progress = await load_progress(read, asked, wallets)
    return await standings_of(read, progress, starts, zone, asked, None, wallets, None)


async def load_progress(read: Read, asked: Sequence[Asked], wallets: Sequence[int]) -> Progress:
    """Return the counters of these goals of a member."""
    aims = [aim for aim, _ in asked]
    return Progress(await counters.load(read, keys_of(aims, wallets), series_of(aims, wallets)))
