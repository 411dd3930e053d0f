"""Level the caps of members who were parted: each has what the facts of its own wallets come to, as if they had never been merged.

Inner caps come first, because what they pass on is the measure of the outer one. What the outermost level is above its own
is taken out of lots, and what it lacks is granted for the lots that the common cap had cut.

A member with one wallet has min(limit, measure). One whose wallets were merged before keeps what these have together, or what each alone
has: a merge takes nothing. Where the limit of a cap changed, what lies between its least and its greatest limit stays.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from services.loyalty.earning.domain import periods
from services.loyalty.earning.domain.compiling import CompiledRulebook
from services.loyalty.earning.domain.document import Cap
from services.loyalty.earning.domain.levels import PREFIX, Counters, Level
from services.loyalty.earning.domain.returning import PointsOfLot
from services.loyalty.ledger.domain.wallets import Lot


class Limits(NamedTuple):
    """A cap, and the least and the greatest limit that it had."""

    cap: Cap
    least: int
    most: int


class Shift(NamedTuple):
    """The points that an outermost level has too few; negative: too many."""

    level: Level
    points: int


def limits_of(books: Iterable[CompiledRulebook]) -> dict[str, Limits]:
    """Return the caps of these versions of the rules, by code."""
    found: dict[str, Limits] = {}
    for book in books:
        for code, chain in book.chains.items():
            cap, known = chain[0], found.get(code)
            least = cap.limit if known is None else min(known.least, cap.limit)
            most = cap.limit if known is None else max(known.most, cap.limit)
            found[code] = Limits(cap, least, most)
    return found


def level_inner(counters: Counters, limits: Mapping[str, Limits], wallets: Sequence[int]) -> list[Shift]:
    """Level the inner caps of a member with these wallets, and return what is to be changed at the outermost ones."""
    shifts = []
    for code in sorted(limits, key=lambda code: (-_depth(limits, code), code)):
        key, known = PREFIX + code, limits[code]
        starts = {row.period_from for row in counters.rows if row.key == key and row.wallet_id in wallets}
        for start in sorted(starts):
            level = Level(known.cap, start)
            points = _lacking(counters, known, level, wallets)
            if known.cap.within is None:
                shifts += [Shift(level, points)] if points else []
            elif points:
                outer = limits[known.cap.within].cap
                _pass_on(
                    counters, level, Level(outer, periods.first_day(outer.period, start)), wallets, points
                )
    return shifts


def _depth(limits: Mapping[str, Limits], code: str) -> int:
    """Return how many caps lie around a cap."""
    within = limits[code].cap.within
    return 0 if within is None else 1 + _depth(limits, within)


def _lacking(counters: Counters, known: Limits, level: Level, wallets: Sequence[int]) -> int:
    """Return how many points a level of a member has too few; negative: too many."""
    rows = [row for wallet in wallets if (row := counters.rows.get(level.of(wallet))) is not None]
    measure, granted = sum(row.measure for row in rows), sum(row.granted for row in rows)
    least = min(known.least, measure)
    most = sum(min(known.most, row.measure) for row in rows)
    return min(most - granted, 0) if granted > most else max(least - granted, 0)


def _pass_on(counters: Counters, inner: Level, outer: Level, wallets: Sequence[int], points: int) -> None:
    """Let an inner level pass more points on to the outer one, or fewer."""
    for wallet in _most_off_first(counters, inner, wallets, points):
        row = counters.row(inner.of(wallet))
        part = max(points, -row.granted) if points < 0 else min(points, max(row.measure - row.granted, 0))
        if part:
            row.granted += part
            counters.row(outer.of(wallet)).measure += part
            points -= part
    assert not points, "a level passes on what was wanted of it, and no less than nothing"


def _most_off_first(counters: Counters, level: Level, wallets: Sequence[int], points: int) -> list[int]:
    """Return the wallets that have a row of a level: those first that have the most too many, or too few."""
    surplus = {
        wallet: row.granted - row.measure
        for wallet in wallets
        if (row := counters.rows.get(level.of(wallet))) is not None
    }
    return sorted(surplus, key=lambda wallet: (-surplus[wallet] if points < 0 else surplus[wallet], wallet))


@dataclass(slots=True)
class Family:
    """A lot of a cap with those that were granted for it later, and what the rule wants for what is left of its fact."""

    origin: Lot
    left: int
    later: list[Lot] = field(default_factory=list)

    @property
    def held(self) -> int:
        """Return the points that no return took."""
        return sum(lot.issued - lot.reversed for lot in (self.origin, *self.later))


def drawn(counters: Counters, level: Level, families: Sequence[Family], points: int) -> list[PointsOfLot]:
    """Take points of a level out of lots: first what these have beyond their facts, then out of the latest ones."""
    taken: list[PointsOfLot] = []
    latest = sorted(families, key=lambda family: (family.origin.earned_at, family.origin.id), reverse=True)
    for only_surplus in (True, False):
        for family in latest:
            gone = sum(part for lot, part in taken if lot in (family.origin, *family.later))
            most = family.held - gone - (min(family.left, family.held - gone) if only_surplus else 0)
            for lot in (*reversed(family.later), family.origin):
                had = sum(part for known, part in taken if known is lot)
                part = min(points, most, lot.issued - lot.reversed - had)
                if part > 0:
                    taken.append(PointsOfLot(lot, part))
                    counters.lose(level, lot.wallet.id, part)
                    points, most = points - part, most - part
    assert not points, "the lots of a cap hold what it granted"
    return taken


def owed_to(families: Sequence[Family], points: int) -> list[PointsOfLot]:
    """Return the lots that get points which the common cap had cut, the first one first."""
    given = []
    for family in sorted(families, key=lambda family: (family.origin.earned_at, family.origin.id)):
        part = min(points, family.left - family.held)
        if part > 0 and family.origin.wallet.erased_at is None:
            given.append(PointsOfLot(family.origin, part))
            points -= part
    return given
