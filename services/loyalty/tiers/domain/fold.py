"""Tiers as a fold over all orders of a member, for programmes that count in periods, or something else than spend.

The fold walks the instants at which something changes, in their order: an order begins or ceases to count, a period ends, days of
grace end, a version of the programme comes into force. The tier at an instant depends on the orders and the programme
alone, so a late order, a return, a merge and an unmerge change the orders, and the fold does the rest.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import NamedTuple

from services.loyalty.ledger.domain import calendar
from services.loyalty.ledger.domain.programme import (
    THE_BEGINNING,
    Programme,
    ProgrammeDocument,
    ProgrammeVersion,
    TierTerms,
)
from services.loyalty.ledger.domain.qualification import Downgrade, Qualification, TierMetric
from services.loyalty.purchases.domain.facts import CountedOrder
from services.loyalty.tiers.domain.periods import Period, period_of
from shared.local_time import local_day

STEPS_MAX = 1_000_000
"""No walk has so many steps: an order has two, and a tier falls to the lowest after as many periods as there are tiers."""


class Level(NamedTuple):
    """A member has this from an instant on: the tier that is shown, what its window counts, and the tier that this reaches.

    `period` None: the window is rolling. `grace_until`: the tier is only kept until then.
    """

    at: datetime
    version: ProgrammeVersion
    shown: int
    earned: int
    counted: int
    spend_minor: int
    period: Period | None
    grace_until: datetime | None

    @property
    def document(self) -> ProgrammeDocument:
        """Return what is promised then."""
        return self.version.document

    @property
    def tier(self) -> TierTerms:
        """Return the tier that is shown."""
        return self.document.tiers[self.shown]


def counts_from(document: ProgrammeDocument, occurred_at: datetime) -> datetime:
    """Return the instant from which a purchase counts."""
    days = document.qualifies_by.counts_after_days
    return calendar.plus_days(occurred_at, days, document.zone_info) if days else occurred_at


class Fold:
    """The levels of a member, by its orders. An order that changes changes the levels from its own instant on."""

    def __init__(self, programme: Programme, orders: Iterable[CountedOrder]) -> None:
        """Take the orders of all wallets of the member."""
        self.programme = programme
        self.orders = {order.order_id: order for order in orders}
        self._levels: Sequence[Level] | None = None
        self._ats: list[datetime] = []

    def add(self, order_id: int, occurred_at: datetime, amount_minor: int, *, closes: bool) -> None:
        """Count an order, or a return of it (negative). `closes`: the last unit of the order went back."""
        known = self.orders.get(order_id, CountedOrder(order_id, 0, occurred_at, 0, is_open=True))
        left = known.amount_minor + amount_minor
        self.orders[order_id] = replace(known, amount_minor=left, is_open=known.is_open and not closes)
        self._levels = None

    def without(self, order_id: int) -> Fold:
        """Return the fold as it would be without an order."""
        return Fold(self.programme, (order for order in self.orders.values() if order.order_id != order_id))

    def levels(self) -> Sequence[Level]:
        """Return all levels, each from its instant on until the next one, also those of the time to come."""
        if self._levels is None:
            self._levels = tuple(_Walk(self.programme, self.orders.values()).levels())
            self._ats = [level.at for level in self._levels]
        return self._levels

    def at(self, instant: datetime) -> Level:
        """Return the level at an instant."""
        levels = self.levels()
        if position := bisect_right(self._ats, instant):
            return levels[position - 1]
        return Level(instant, self.programme.version_at(instant), 0, 0, 0, 0, None, None)

    def before(self, instant: datetime) -> Level:
        """Return the level just before an instant."""
        levels = self.levels()
        if position := bisect_left(self._ats, instant):
            return levels[position - 1]
        return Level(instant, self.programme.version_at(instant), 0, 0, 0, 0, None, None)

    def moments(self, after: datetime, until: datetime) -> Sequence[datetime]:
        """Return the instants later than `after` and not later than `until` at which a level begins."""
        self.levels()
        return self._ats[bisect_right(self._ats, after) : bisect_right(self._ats, until)]

    def ahead(self, after: datetime) -> Sequence[Level]:
        """Return the levels that begin later than an instant, without further orders."""
        levels = self.levels()
        return levels[bisect_right(self._ats, after) :]


class _Change(NamedTuple):
    """An order begins (+1) or ceases (-1) to count."""

    at: datetime
    sign: int
    order: CountedOrder


@dataclass(slots=True)
class _Tally:
    """It holds what a window counts."""

    spend_minor: int = 0
    orders: int = 0
    days: Counter[date] = field(default_factory=Counter)

    def is_empty(self) -> bool:
        return not self.spend_minor and not self.orders

    def of(self, metric: TierMetric) -> int:
        match metric:
            case TierMetric.SPEND:
                return self.spend_minor
            case TierMetric.ORDERS:
                return self.orders
            case TierMetric.ACTIVE_DAYS:
                return len(+self.days)


class _Walk:
    """The walk over the life of a member."""

    def __init__(self, programme: Programme, orders: Iterable[CountedOrder]) -> None:
        self._programme, self._zone = programme, programme.zone_info
        self._orders = list(orders)
        self._joined = min(
            (local_day(order.occurred_at, self._zone) for order in self._orders), default=date.min
        )
        self._versions = list(programme.versions)
        self._next_version = 1
        self._version = self._versions[0]
        self._changes: list[_Change] = self._changes_by(self._terms)
        self._position = 0
        self._tally = _Tally()
        self._period: Period | None = None
        self._kept = self._lowest = programme.lowest
        self._grace: tuple[str, datetime] | None = None

    @property
    def _document(self) -> ProgrammeDocument:
        return self._version.document

    @property
    def _terms(self) -> Qualification:
        return self._document.qualifies_by

    def levels(self) -> Iterator[Level]:
        """Yield the levels, each at its instant."""
        if not self._orders:
            return
        for _ in range(STEPS_MAX):
            moment = self._next()
            if moment is None:
                return
            self._close_period(moment)
            self._begin_version(moment)
            self._count(moment)
            if self._grace is not None and self._grace[1] <= moment:
                self._grace = None
            yield self._level(moment)
        raise AssertionError("a walk has an end")

    def _next(self) -> datetime | None:
        """Return the next instant at which something changes; None: nothing does any more."""
        moments = []
        if self._position < len(self._changes):
            moments.append(self._changes[self._position].at)
        if self._next_version < len(self._versions):
            moments.append(self._versions[self._next_version].begins)
        if self._grace is not None:
            moments.append(self._grace[1])
        if self._period is not None and (self._kept != self._lowest or not self._tally.is_empty()):
            moments.append(self._period.ends)
        return min(moments, default=None)

    def _earned(self) -> int:
        return self._document.level_of(self._tally.of(self._terms.metric))

    def _held(self) -> int:
        """Return the tier without days of grace: what was kept of the period before, or what this window reaches."""
        return max(self._document.levels.get(self._kept, 0), self._earned())

    def _close_period(self, moment: datetime) -> None:
        """End the period that ends at this instant, by the version that was in force until then."""
        if self._period is None or moment < self._period.ends:
            return
        document, terms, earned, held = self._document, self._terms, self._earned(), self._held()
        kept = held
        if held > earned:
            kept = earned if terms.downgrade is Downgrade.FULL else max(earned, held - 1)
            if terms.grace_days:
                until = calendar.plus_days(self._period.ends, terms.grace_days, self._zone)
                self._grace = (document.tiers[held].code, until)
        self._kept, self._tally = document.tiers[kept].code, _Tally()
        self._period = self._period_at(moment)

    def _begin_version(self, moment: datetime) -> None:
        """Let the version come into force that begins at this instant: what is held is kept for the running period."""
        if self._next_version == len(self._versions) or self._versions[self._next_version].begins > moment:
            return
        held, former = self._document.tiers[self._held()].code, self._terms
        self._version = self._versions[self._next_version]
        self._next_version += 1
        self._kept = held if self._terms.in_periods else self._lowest
        if not self._terms.in_periods:
            self._grace = None
        if self._terms.counting == former.counting:
            return
        self._changes, self._tally = self._changes_by(self._terms), _Tally()
        self._period = self._period_at(moment)
        begins = THE_BEGINNING if self._period is None else self._period.begins
        self._position = bisect_left(self._changes, begins, key=lambda change: change.at)

    def _count(self, moment: datetime) -> None:
        """Count what begins or ceases to count up to this instant."""
        if self._period is None and self._terms.in_periods:
            self._period = self._period_at(moment)
        while self._position < len(self._changes) and self._changes[self._position].at <= moment:
            _, sign, order = self._changes[self._position]
            self._position += 1
            self._tally.spend_minor += sign * order.amount_minor
            if order.is_open:
                self._tally.orders += sign
                self._tally.days[local_day(order.occurred_at, self._zone)] += sign

    def _changes_by(self, terms: Qualification) -> list[_Change]:
        """Return when each order begins and ceases to count; in periods, the end of the period ends it."""
        months, changes = self._programme.window_months, []
        for order in self._orders:
            begins = counts_from(self._document, order.occurred_at)
            if terms.in_periods:
                changes.append(_Change(begins, 1, order))
                continue
            ends = calendar.plus_months(order.occurred_at, months, self._zone)
            if begins < ends:
                changes += [_Change(begins, 1, order), _Change(ends, -1, order)]
        return sorted(changes, key=lambda change: change.at)

    def _period_at(self, moment: datetime) -> Period | None:
        if not self._terms.in_periods:
            return None
        return period_of(moment, self._terms.window, self._joined, self._zone)

    def _level(self, moment: datetime) -> Level:
        document, shown, grace_until = self._document, self._held(), None
        if self._grace is not None and (kept := document.levels.get(self._grace[0], 0)) > shown:
            shown, grace_until = kept, self._grace[1]
        tally = self._tally
        return Level(
            moment,
            self._version,
            shown,
            self._earned(),
            tally.of(self._terms.metric),
            tally.spend_minor,
            self._period,
            grace_until,
        )
