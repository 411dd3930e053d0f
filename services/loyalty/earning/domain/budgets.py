"""Budgets: what all members together get at most. First booked, first served.

What a budget refuses was never wanted: it is not granted later, and no cap counts it. What is taken back from a lot goes back to its budget
once. So a budget is never exceeded, and a purchase that is returned at once leaves nothing behind.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from typing import Annotated, NamedTuple
from zoneinfo import ZoneInfo

from pydantic import Field

from services.loyalty.earning.domain import periods
from services.loyalty.earning.domain.documents import Code
from services.loyalty.earning.domain.periods import Period
from services.loyalty.ledger.domain.documents import Part
from shared.local_time import local_day

CEILING_MAX = 1_000_000_000_000
NEAR = 4
"""A budget is near its end when it has room for less than this many times what is wanted of it."""


class Budget(Part):
    """The most points that all members together get of the rules and goals that name it, in each of its periods."""

    code: Code
    period: Annotated[Period, Field(description="By default one period that never ends.")] = Period.LIFETIME
    ceiling: Annotated[
        int,
        Field(
            ge=1, le=CEILING_MAX, description="Of periods that begin; an operator changes that of a period."
        ),
    ]


class QuotaKind(StrEnum):
    """The kinds of what members share: the points of a budget, the uses of a coupon, or the pieces of a reward."""

    BUDGET = "budget"
    COUPON = "coupon"
    STOCK = "stock"


class BudgetKey(NamedTuple):
    """A budget in one of its periods, or (by its kind) the uses of a coupon or the stock of a reward."""

    code: str
    period_from: date
    kind: QuotaKind = QuotaKind.BUDGET

    @property
    def stored(self) -> str:
        """Return the key by which it is stored."""
        return f"{self.kind}:{self.code}"


def stock_of(reward: str) -> BudgetKey:
    """Return the key of the stock of a reward, which has one period without an end."""
    return BudgetKey(reward, periods.BEGINNING, QuotaKind.STOCK)


def uses_of(coupon: str, channel: str | None = None) -> BudgetKey:
    """Return the key of the uses of a coupon, or of its uses in a channel. They have one period without an end."""
    code = coupon if channel is None else f"{coupon}:{channel}"
    return BudgetKey(code, periods.BEGINNING, QuotaKind.COUPON)


def uses_named(stored: str) -> BudgetKey:
    """Return the uses of a coupon that are stored under a key."""
    return BudgetKey(stored.removeprefix(f"{QuotaKind.COUPON}:"), periods.BEGINNING, QuotaKind.COUPON)


def key_of(budget: Budget, at: datetime, zone: ZoneInfo) -> BudgetKey:
    """Return the period of a budget that an instant lies in."""
    return BudgetKey(budget.code, periods.first_day(budget.period, local_day(at, zone)))


@dataclass(slots=True)
class Quota:
    """A budget in a period, as it was read, with what this transaction takes of it (negative: gives back)."""

    ceiling: int
    used: int
    held: int
    taken: int = 0

    @property
    def room(self) -> int:
        """Return how many points it can still give."""
        return max(self.ceiling - self.used - self.held - self.taken, 0)


@dataclass(slots=True)
class Quotas:
    """The budgets that a transaction takes points of, or gives points back to."""

    rows: dict[BudgetKey, Quota] = field(default_factory=dict)

    def take(self, key: BudgetKey, points: int) -> int:
        """Take points of a budget, and return how many it gives."""
        quota = self.rows[key]
        given = min(points, quota.room)
        quota.taken += given
        return given

    def give_back(self, key: BudgetKey, points: int) -> None:
        """Give points back to a budget."""
        self.rows.setdefault(key, Quota(0, 0, 0)).taken -= points

    def near_their_end(self, wanted: Iterable[tuple[BudgetKey, int]]) -> list[BudgetKey]:
        """Return the budgets that have some room, but little for what is wanted of them."""
        asked: dict[BudgetKey, int] = {}
        for key, points in wanted:
            asked[key] = asked.get(key, 0) + points
        return sorted(key for key, points in asked.items() if 0 < self.rows[key].room < NEAR * points)

    def moved(self) -> Iterator[tuple[BudgetKey, int]]:
        """Yield the budgets that change, in the order in which they are locked."""
        for key in sorted(self.rows):
            if self.rows[key].taken:
                yield key, self.rows[key].taken
