"""The caps of a member are levels: in each period a member has min(limit, what the rules wanted for what was not returned).

A counter keeps for each cap and period the `measure`, which is what was wanted, and what was `granted` of it. A grant adds to
both, a return lets the level fall. What the cap had cut from other purchases counts from then on, so the order of purchases and
returns does not matter. Caps nest: what the inner one passes on is the measure of the outer one.

Counters have a row per wallet, and a cap bounds the sum over the wallets of the member. No row is ever below zero.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import NamedTuple

from services.loyalty.earning.domain import periods
from services.loyalty.earning.domain.document import Cap

PREFIX = "cap:"


class CounterKey(NamedTuple):
    """The row of a counter."""

    wallet_id: int
    key: str
    period_from: date


@dataclass(slots=True)
class Counter:
    """The points that were wanted and granted on a wallet in one period of a cap."""

    measure: int = 0
    granted: int = 0


class Level(NamedTuple):
    """One cap in one of its periods."""

    cap: Cap
    period_from: date

    def of(self, wallet_id: int) -> CounterKey:
        """Return the counter's row of a wallet."""
        return CounterKey(wallet_id, PREFIX + self.cap.code, self.period_from)


def levels_of(chain: Iterable[Cap], day: date) -> tuple[Level, ...]:
    """Return the levels that the points of a day pass through, the innermost first."""
    return tuple(Level(cap, periods.first_day(cap.period, day)) for cap in chain)


@dataclass(slots=True)
class Counters:
    """The counters of the members that a transaction holds locked."""

    rows: dict[CounterKey, Counter] = field(default_factory=dict)
    changed: set[CounterKey] = field(default_factory=set)

    def grant(self, levels: Sequence[Level], wallet_id: int, wallets: Sequence[int], wanted: int) -> int:
        """Count wanted points of a wallet, one of its member's `wallets`, and return how many of them all levels pass on."""
        for level in levels:
            passed = min(wanted, max(level.cap.limit - self.granted(level, wallets), 0))
            counter = self.row(level.of(wallet_id))
            counter.measure += wanted
            counter.granted += passed
            wanted = passed
        return wanted

    def passes(self, levels: Sequence[Level], wallets: Sequence[int], wanted: int) -> int:
        """Return how many wanted points all levels would pass on, and count nothing."""
        for level in levels:
            wanted = min(wanted, max(level.cap.limit - self.granted(level, wallets), 0))
        return wanted

    def granted(self, level: Level, wallets: Iterable[int]) -> int:
        """Return how many points a level has let through for these wallets together."""
        return sum(row.granted for row in self._rows(level, wallets))

    def fall(self, levels: Sequence[Level], wallet_id: int, wallets: Sequence[int], points: int) -> int:
        """Let wanted points of a wallet go back, and return by how much the outermost level falls.

        The caller draws that from lots, and lets each of their wallets `lose` its part of the outermost level.
        """
        gone = {wallet_id: points}
        for level in levels:
            for owned, part in gone.items():
                self.row(level.of(owned)).measure -= part
            rows = self._rows(level, wallets)
            measure, granted = sum(row.measure for row in rows), sum(row.granted for row in rows)
            points = max(granted - min(max(level.cap.limit, granted), measure), 0)
            if level is not levels[-1]:
                gone = self._take(level, wallet_id, wallets, points)
        return points

    def lose(self, level: Level, wallet_id: int, points: int) -> None:
        """Take granted points of a wallet out of a level."""
        counter = self.row(level.of(wallet_id))
        counter.granted -= points
        assert counter.granted >= 0, "a wallet loses no more than its lots were granted"

    def gain(self, level: Level, wallet_id: int, points: int) -> None:
        """Let points of a wallet through a level that it was kept from before."""
        self.row(level.of(wallet_id)).granted += points

    def _take(self, level: Level, wallet_id: int, wallets: Sequence[int], points: int) -> dict[int, int]:
        """Take granted points out of a level, of this wallet first, and return how many each wallet lost."""
        lost: dict[int, int] = {}
        for owned in (wallet_id, *sorted(set(wallets) - {wallet_id})):
            known = self.rows.get(level.of(owned))
            part = min(points, known.granted) if known is not None else 0
            if part:
                self.lose(level, owned, part)
                lost[owned] = part
                points -= part
        assert not points, "no more goes back than was granted"
        return lost

    def _rows(self, level: Level, wallets: Iterable[int]) -> list[Counter]:
        return [self.rows[key] for wallet_id in wallets if (key := level.of(wallet_id)) in self.rows]

    def row(self, key: CounterKey) -> Counter:
        """Return a row to be changed."""
        self.changed.add(key)
        return self.rows.setdefault(key, Counter())
