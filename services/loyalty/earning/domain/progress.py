"""The progress of members towards goals: completions are a level of what was bought and not returned.

A counter keeps for each goal and period the `measure` and how many completions were `granted`. A purchase adds to the
measure, and the completions that it newly reaches are granted. A return takes from the measure, and the completions above the level
that is left are taken back, the last one first. So the order of purchases and returns does not matter.

A goal begins with the first version of the rules that has it. What a member bought before (by earlier versions) counts for the
measure, and the completions that it comes to count as granted, so nobody is paid for the past. A counter of its own keeps
what the past comes to.

Counters have a row per wallet. The level is that of the sum over the wallets of a member. Active days are days with a purchase; a day on
which two wallets of a member bought is one day.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import NamedTuple
from zoneinfo import ZoneInfo

from services.loyalty.earning.domain import periods
from services.loyalty.earning.domain.cart import Cart
from services.loyalty.earning.domain.compiling import CompiledGoal, CompiledRulebook
from services.loyalty.earning.domain.goals import Goal, Measure
from services.loyalty.earning.domain.levels import Counter, CounterKey, Counters
from services.loyalty.earning.domain.rules.grants import Nothing
from shared.local_time import local_day

GOAL, PAST, DAY, PAST_DAY = "goal:", "goal_past:", "goal_day:", "goal_past_day:"
"""The counters of a goal: all that counts, what of it is from before the goal, and the purchases of a day likewise."""
PREFIXES = (GOAL, PAST, DAY, PAST_DAY)


class Start(NamedTuple):
    """The begin of a goal: the first version of the rules that has it, and the instant from which that one is in force."""

    version: int
    at: datetime | None
    goal: CompiledGoal


Starts = Mapping[str, Start]
"""The begin of each goal, by its code."""
NO_STARTS: Starts = {}


class Term(NamedTuple):
    """A goal in one of its periods. `begins`: the goal began within the period, so something may have been bought before it."""

    goal: Goal
    period_from: date
    begins: bool

    def key(self, prefix: str, wallet_id: int) -> CounterKey:
        """Return the row of a wallet in the counter of this prefix."""
        return CounterKey(wallet_id, prefix + self.goal.code, self.period_from)

    @property
    def prefixes(self) -> tuple[str, ...]:
        """Return the prefixes of the counters that say how far a member is."""
        return (GOAL, PAST) if self.begins else (GOAL,)


class Aim(NamedTuple):
    """A goal that a purchase counts for. `is_past`: the purchase is from before the goal."""

    compiled: CompiledGoal
    term: Term
    rulebook: int
    """The version by which completions are granted."""
    day: date
    is_past: bool
    counted: int
    """The number that all units of the purchase count together."""

    def keys(self, wallet_id: int) -> Iterator[CounterKey]:
        """Yield the rows of a wallet that the purchase changes or that say how far its member is."""
        for prefix in self.term.prefixes:
            yield self.term.key(prefix, wallet_id)
        if self.term.goal.measure is Measure.ACTIVE_DAYS:
            for prefix in (DAY, PAST_DAY) if self.term.begins else (DAY,):
                yield CounterKey(wallet_id, prefix + self.term.goal.code, self.day)


class Reached(NamedTuple):
    """Completions of a goal in a period on a wallet, the first of which is `number`."""

    goal: Goal
    rulebook: int
    period_from: date
    wallet_id: int
    number: int
    completions: int

    @property
    def points(self) -> int:
        """Return the points of all of them."""
        return self.completions * self.goal.points


class Lost(NamedTuple):
    """The last completions of a goal in a period are taken back from a wallet."""

    term: Term
    wallet_id: int
    completions: int


def aims_of(book: CompiledRulebook, version: int, starts: Starts, cart: Cart, zone: ZoneInfo) -> list[Aim]:
    """Return the goals that a purchase by a version of the rules counts for, also those that began after it."""
    day, aims = local_day(cart.occurred_at, zone), list[Aim]()
    for compiled in book.goals:
        start = starts.get(compiled.rule.code)
        counted = compiled.counted(cart)
        if not isinstance(counted, Nothing):
            term = term_of(compiled.rule, start, day, zone)
            aims.append(Aim(compiled, term, version, day, False, counted))
    return aims + past_aims(version, starts, cart, zone)


def past_aims(version: int, starts: Starts, cart: Cart, zone: ZoneInfo) -> list[Aim]:
    """Return the goals that began after a purchase by a version of the rules, and for which it counts."""
    day, aims = local_day(cart.occurred_at, zone), list[Aim]()
    for start in starts.values():
        if start.version > version:
            term = term_of(start.goal.rule, start, day, zone)
            counted = start.goal.counted(cart) if term.begins else 0
            if counted and not isinstance(counted, Nothing):
                aims.append(Aim(start.goal, term, start.version, day, True, counted))
    return aims


def term_of(goal: Goal, start: Start | None, day: date, zone: ZoneInfo) -> Term:
    """Return the period of a goal that a day lies in."""
    return term_at(goal, start, periods.first_day(goal.period, day), zone)


def term_at(goal: Goal, start: Start | None, period_from: date, zone: ZoneInfo) -> Term:
    """Return the period of a goal that begins on a day."""
    began_at = None if start is None else start.at
    if began_at is None:
        return Term(goal, period_from, begins=False)
    return Term(goal, period_from, periods.first_day(goal.period, local_day(began_at, zone)) == period_from)


def keys_of(aims: Iterable[Aim], wallet_ids: Sequence[int]) -> Iterator[CounterKey]:
    """Yield the counters that a purchase of a member with these wallets needs for its goals."""
    return (key for aim in aims for wallet_id in wallet_ids for key in aim.keys(wallet_id))


def series_of(aims: Iterable[Aim], wallet_ids: Sequence[int]) -> Iterator[tuple[int, str]]:
    """Yield the counters of which all days are needed: which days several wallets of a member share is seen from all of them."""
    if len(wallet_ids) > 1:
        for aim in aims:
            if aim.term.goal.measure is Measure.ACTIVE_DAYS:
                for wallet_id in wallet_ids:
                    for prefix in (DAY, PAST_DAY) if aim.term.begins else (DAY,):
                        yield wallet_id, prefix + aim.term.goal.code


@dataclass(slots=True)
class Standing:
    """The measure that a member has reached, the part of it from before the goal, and the completions that were granted."""

    measure: int = 0
    past: int = 0
    granted: int = 0

    def level(self, goal: Goal) -> int:
        """Return how many completions the measure comes to, without those of the past."""
        return goal.reached(self.measure) - goal.reached(self.past)


@dataclass(slots=True)
class Progress:
    """The counters of goals of the members that a transaction holds locked."""

    counters: Counters
    _days: dict[tuple[int, str], set[date]] | None = None
    """The days with purchases, by wallet and key, once a member of several wallets needed them."""

    def begun(self, aim: Aim, wallet_id: int) -> bool:
        """Return whether a purchase counts on a wallet: what is from before a goal counts once the goal has a counter there."""
        return not aim.is_past or aim.term.key(GOAL, wallet_id) in self.counters.rows

    def begin(self, key: CounterKey) -> None:
        """Give a wallet its counter of a goal, before anything counts."""
        self._row(key)

    def count(self, aim: Aim, wallet_id: int, units: int) -> None:
        """Add what a purchase counts to a wallet; negative units go back."""
        if aim.term.goal.measure is Measure.ACTIVE_DAYS:
            self._count_day(aim, wallet_id, units)
            return
        for prefix in (GOAL, PAST) if aim.is_past else (GOAL,):
            self._row(aim.term.key(prefix, wallet_id)).measure += units

    def grant(self, term: Term, rulebook: int, wallet_id: int, wallets: Sequence[int]) -> Reached | None:
        """Grant the completions that are missing to the level of a member, on one of the member's `wallets`."""
        now = self.standing(term, wallets)
        count = now.level(term.goal) - now.granted
        if count <= 0:
            return None
        row = self._row(term.key(GOAL, wallet_id))
        row.granted += count
        return Reached(term.goal, rulebook, term.period_from, wallet_id, row.granted - count + 1, count)

    def surplus(self, term: Term, wallets: Sequence[int]) -> int:
        """Return how many completions a member has above what the measure comes to, since a merge or a late purchase."""
        now = self.standing(term, wallets)
        return max(now.granted - now.level(term.goal), 0)

    def fall(self, term: Term, wallet_id: int, wallets: Sequence[int], surplus: int) -> list[Lost]:
        """Take back the completions above the level of a member, of this wallet first.

        A surplus stays as far as the measures of the wallets allow it.
        """
        now = self.standing(term, wallets)
        level = now.level(term.goal)
        if surplus and now.measure > now.past:
            rows = [self.counters.rows.get(term.key(GOAL, owned), Counter()) for owned in wallets]
            level = max(level, min(level + surplus, sum(row.measure for row in rows) // term.goal.target))
        return self._take(term, wallet_id, wallets, now.granted - level)

    def part(self, term: Term, wallets: Sequence[int]) -> list[Lost]:
        """Take back what a member reached only together with wallets that are gone: what all reach together, or each alone, stays."""
        now = self.standing(term, wallets)
        alone = sum(self.standing(term, [owned]).level(term.goal) for owned in wallets)
        return self._take(term, wallets[0], wallets, now.granted - max(now.level(term.goal), alone, 0))

    def standing(self, term: Term, wallets: Sequence[int]) -> Standing:
        """Return how far a member with these wallets is."""
        whole = Standing()
        for wallet_id in wallets:
            row = self.counters.rows.get(term.key(GOAL, wallet_id), Counter())
            past = self.counters.rows.get(term.key(PAST, wallet_id), Counter())
            whole.measure += row.measure
            whole.past += past.measure
            whole.granted += row.granted
        if len(wallets) > 1 and term.goal.measure is Measure.ACTIVE_DAYS:
            whole.measure = len(self._days_of(DAY, term, wallets))
            whole.past = len(self._days_of(PAST_DAY, term, wallets))
        return whole

    def _take(self, term: Term, wallet_id: int, wallets: Sequence[int], above: int) -> list[Lost]:
        lost = []
        for owned in (wallet_id, *sorted(set(wallets) - {wallet_id})):
            row = self.counters.rows.get(term.key(GOAL, owned))
            count = 0 if row is None else min(row.granted, above)
            if row is not None and count > 0:
                self._row(term.key(GOAL, owned)).granted -= count
                above -= count
                lost.append(Lost(term, owned, count))
        return lost

    def _count_day(self, aim: Aim, wallet_id: int, units: int) -> None:
        for whole, day in ((GOAL, DAY), (PAST, PAST_DAY)) if aim.is_past else ((GOAL, DAY),):
            key = CounterKey(wallet_id, day + aim.term.goal.code, aim.day)
            row = self._row(key)
            before, row.measure = row.measure, row.measure + units
            change = (row.measure > 0) - (before > 0)
            self._row(aim.term.key(whole, wallet_id)).measure += change
            if self._days is not None and change:
                days = self._days.setdefault((wallet_id, key.key), set())
                days.symmetric_difference_update({aim.day})

    def _days_of(self, prefix: str, term: Term, wallets: Iterable[int]) -> set[date]:
        """Return the days of a period on which any of these wallets bought. All their rows of days are loaded."""
        if self._days is None:
            self._days = {}
            for key, row in self.counters.rows.items():
                if key.key.startswith((DAY, PAST_DAY)) and row.measure:
                    self._days.setdefault((key.wallet_id, key.key), set()).add(key.period_from)
        return {
            day
            for wallet_id in wallets
            for day in self._days.get((wallet_id, prefix + term.goal.code), ())
            if periods.first_day(term.goal.period, day) == term.period_from
        }

    def _row(self, key: CounterKey) -> Counter:
        """Return a row to be changed."""
        self.counters.changed.add(key)
        return self.counters.rows.setdefault(key, Counter())
