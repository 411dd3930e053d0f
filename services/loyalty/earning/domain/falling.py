"""Find the lots that a return takes points from: those of its purchase, and where a cap falls, those that it let through."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from zoneinfo import ZoneInfo

from services.loyalty.activities.domain.facts import StoredActivity
from services.loyalty.earning.domain import earning, leaving
from services.loyalty.earning.domain.cart import Cart
from services.loyalty.earning.domain.compiling import CompiledRulebook
from services.loyalty.earning.domain.leaving import CartOf, GrantFacts
from services.loyalty.earning.domain.levels import Counters, Level
from services.loyalty.earning.domain.returning import PointsOfLot
from services.loyalty.ledger.domain.wallets import Lot, Member
from services.loyalty.purchases.domain.facts import StoredPurchase, UnitRange

Booked = StoredPurchase | StoredActivity
"""A fact that earns points, as it is booked."""

Capped = Mapping[tuple[int, str, date], Sequence[Lot]]
"""The lots that count for a cap in a period, by wallet, cap and first day of the period."""


def facts_of(lot: Lot) -> GrantFacts:
    """Return the facts of a lot that decide what a return takes of it."""
    return GrantFacts(lot.rule, lot.issued if lot.wanted is None else lot.wanted, lot.base, lot.eligible)


def cart_of(purchase: Booked) -> CartOf:
    """Return the function that makes the cart of what is left of a purchase or an activity."""
    if isinstance(purchase, StoredActivity):
        return _cart_of_activity(purchase)

    def left(returned: Sequence[UnitRange]) -> Cart:
        return Cart(
            currency=purchase.currency,
            occurred_at=purchase.occurred_at,
            lines=purchase.lines,
            member=purchase.context,
            source=purchase.source,
            channel=purchase.channel,
            store=purchase.store,
            issuer=purchase.issuer,
            returned=returned,
        )

    return left


def _cart_of_activity(activity: StoredActivity) -> CartOf:
    def left(returned: Sequence[UnitRange]) -> Cart:
        return earning.cart_of_activity(
            activity.kind,
            activity.facts,
            activity.occurred_at,
            activity.context,
            activity.source,
            activity.issuer,
            returned,
        )

    return left


def missing(lot: Lot) -> int:
    """Return the most points that returns of a lot's purchase or activity may have to take out of other lots, where its cap falls."""
    return facts_of(lot).wanted - lot.issued + lot.reversed


@dataclass(slots=True)
class Falls:
    """The points that one return takes out of lots, while they are worked out."""

    counters: Counters
    capped: Capped
    points: list[PointsOfLot] = field(default_factory=list)

    def take(self, lot: Lot, points: int) -> None:
        """Take points out of a lot."""
        if points:
            self.points.append(PointsOfLot(lot, points))

    def draw(
        self, lot: Lot, siblings: Sequence[Lot], level: Level, wallets: Sequence[int], points: int
    ) -> None:
        """Take what a level falls by out of this lot, then out of its purchase's other lots, then out of the latest ones."""
        cap = (level.cap.code, level.period_from)
        own = [sibling for sibling in siblings if (sibling.cap, sibling.cap_from) == cap]
        points = self._draw((lot, *own), level, points)
        if points:
            capped = [counted for wallet_id in wallets for counted in self.capped.get((wallet_id, *cap), ())]
            latest = sorted(capped, key=lambda counted: (counted.earned_at, counted.id), reverse=True)
            points = self._draw(latest, level, points)
        assert not points, "the lots of a cap hold what it granted"

    def _draw(self, lots: Iterable[Lot], level: Level, points: int) -> int:
        """Take points out of these lots, the first one first, and return how many they did not hold."""
        for drawn in lots:
            if not points:
                break
            part = min(points, drawn.issued - drawn.reversed - self._taken(drawn))
            if part:
                self.take(drawn, part)
                self.counters.lose(level, drawn.wallet.id, part)
                points -= part
        return points

    def _taken(self, lot: Lot) -> int:
        return sum(points for taken, points in self.points if taken is lot)


def falls_of(
    books: Mapping[int, CompiledRulebook],
    purchase: Booked,
    lots: Sequence[Lot],
    before: Sequence[UnitRange],
    units: Sequence[UnitRange],
    falls: Falls,
    member: Member,
    zone: ZoneInfo,
) -> list[PointsOfLot]:
    """Return the points that these units take out of lots, after the units `before` went back."""
    left, wallets = cart_of(purchase), [wallet.id for wallet in member.wallets]
    for lot in lots:
        book = books[lot.rulebook]
        points = leaving.taken(book, facts_of(lot), purchase.lines, before, units, left)
        levels = earning.levels_of(book, lot.rule, purchase.occurred_at, zone) if lot.cap is not None else ()
        if not levels:
            falls.take(lot, points)
        elif points:
            fallen = falls.counters.fall(levels, lot.wallet.id, wallets, points)
            falls.draw(lot, lots, levels[-1], wallets, fallen)
    return falls.points
