"""A clerk who works out the tier of a member anew at every instant, from its orders and the calendar (docs/rules/tiers.md)."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

from dateutil.relativedelta import relativedelta

from services.loyalty.ledger.domain.qualification import Downgrade, Qualification, TierMetric, TierWindow
from services.loyalty.purchases.domain.facts import CountedOrder

TICK = timedelta(microseconds=1)
BEFORE = datetime(2000, 1, 1, tzinfo=UTC)


class Clerk:
    """Counts anew at every instant: knows the orders, the calendar, and the words of docs/rules/tiers.md."""

    def __init__(
        self, zone: str, terms: Qualification, thresholds: Sequence[int], orders: Sequence[CountedOrder]
    ) -> None:
        self.zone, self.terms, self.thresholds, self.orders = ZoneInfo(zone), terms, thresholds, orders
        self.joined = min(self.day(order.occurred_at) for order in orders)

    def day(self, instant: datetime) -> date:
        return instant.astimezone(self.zone).date()

    def midnight(self, day: date) -> datetime:
        return datetime(day.year, day.month, day.day, tzinfo=self.zone).astimezone(UTC)

    def shifted(self, instant: datetime, **delta: int) -> datetime:
        """The same time of the clock on another day; a time that the clocks skip is as much later."""
        local: datetime = instant.astimezone(self.zone).replace(tzinfo=None) + relativedelta(**delta)
        return local.replace(tzinfo=self.zone).astimezone(UTC)

    def level(self, orders: Sequence[CountedOrder]) -> int:
        opened = [order for order in orders if order.is_open]
        counted = {
            TierMetric.SPEND: sum(order.amount_minor for order in orders) // 100,
            TierMetric.ORDERS: len(opened),
            TierMetric.ACTIVE_DAYS: len({self.day(order.occurred_at) for order in opened}),
        }[self.terms.metric]
        return bisect_right(self.thresholds, counted)

    def counting(self, begins: datetime, ends: datetime) -> int:
        """The level by what begins to count in [begins, ends)."""
        days = self.terms.counts_after_days
        return self.level(
            [order for order in self.orders if begins <= self.shifted(order.occurred_at, days=days) < ends]
        )

    def shown(self, at: datetime) -> int:
        """The level of the member at an instant."""
        if self.terms.window is TierWindow.ROLLING:
            days = self.terms.counts_after_days
            return self.level(
                [
                    order
                    for order in self.orders
                    if self.shifted(order.occurred_at, days=days)
                    <= at
                    < self.shifted(order.occurred_at, months=12)
                ]
            )
        kept, graced, grace_ends = 0, 0, BEFORE
        for begins, ends in self.periods(at):
            if at < ends:
                held = max(kept, self.counting(begins, at + TICK))
                return max(held, graced) if at < grace_ends else held
            reached = self.counting(begins, ends)
            held = max(kept, reached)
            kept = held
            if held > reached:
                kept = reached if self.terms.downgrade is Downgrade.FULL else max(reached, held - 1)
                graced, grace_ends = held, self.shifted(ends, days=self.terms.grace_days)
        raise AssertionError("the last period ends after the instant")

    def periods(self, until: datetime) -> list[tuple[datetime, datetime]]:
        """All periods from the first order to the one of an instant."""
        months = {"month": 1, "quarter": 3, "year": 12, "anniversary": 12}[self.terms.window.value]
        if self.terms.window is TierWindow.ANNIVERSARY:
            first = self.joined
        else:
            first = self.joined.replace(month=(self.joined.month - 1) // months * months + 1, day=1)
        edges = [self.midnight(first)]
        while edges[-1] <= until:
            edges.append(self.midnight(self.edge(first, months * len(edges))))
        return list(pairwise(edges))

    def edge(self, first: date, months: int) -> date:
        """The first day of a later period; who joined on 29 February begins on 1 March in other years."""
        day: date = first + relativedelta(months=months)
        leapt = (first.month, first.day) == (2, 29) and day.day == 28
        return day + timedelta(days=1) if leapt else day
