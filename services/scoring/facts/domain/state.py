"""A customer's state: the fold of the day roll-ups of all identities that the customer owns.

The fold adds floats from left to right over ascending days, so the O(1) step for a purchase on or after the last day
gives the identical bits (property test in tests/scoring/facts/domain/test_state.py).
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from itertools import groupby

from services.scoring.facts.domain.facts import DayRollup, Purchase


@dataclass(frozen=True, slots=True)
class OtherCurrency:
    """Purchases in a currency that is not the customer's main one: purchase days, and their sum less returns."""

    currency: str
    days: int
    net_minor: int


@dataclass(frozen=True, slots=True)
class State:
    """Sufficient statistics of one customer; sums of money are in `currency`, the main one.

    `gap_sq` and `gap_log` are Σ gap² and Σ ln gap of the gaps between purchase days, in days; `net_sq` is
    Σ net² over the days of the main currency *before* the last one, so that a later purchase on the last day needs no
    subtraction. Days and currency are None exactly when no purchase counts.
    """

    purchases: int = 0
    days: int = 0
    first_day: date | None = None
    last_day: date | None = None
    gap_sq: int = 0
    gap_log: float = 0.0
    currency: str | None = None
    currency_days: int = 0
    gross_minor: int = 0
    refund_minor: int = 0
    first_day_net: int = 0
    last_day_net: int = 0
    net_sq: float = 0.0
    other_currencies: tuple[OtherCurrency, ...] = ()

    @property
    def net_minor(self) -> int:
        """The amount that the customer paid and did not get back, in the main currency."""
        return self.gross_minor - self.refund_minor


EMPTY = State()


@dataclass(slots=True)
class _Tally:
    """Running sums of one currency while folding."""

    days: int = 0
    gross: int = 0
    refund: int = 0
    first_net: int = 0
    last_net: int = 0
    net_sq: float = 0.0

    def add(self, gross: int, refund: int) -> None:
        net = gross - refund
        if self.days == 0:
            self.first_net = net
        else:
            self.net_sq += float(self.last_net) ** 2
        self.days, self.last_net = self.days + 1, net
        self.gross, self.refund = self.gross + gross, self.refund + refund


def fold(rollups: Iterable[DayRollup]) -> State:
    """Fold the day roll-ups of one owner's identities, in any order, into the owner's state.

    The main currency is the currency with most purchase days; on a tie it is the smaller code.
    """
    counting = sorted((row for row in rollups if row.purchases), key=lambda row: (row.day, row.currency))
    if not counting:
        return EMPTY
    purchases = days = gap_sq = 0
    gap_log, last_day = 0.0, None
    tallies: dict[str, _Tally] = {}
    for day, rows_of_day in groupby(counting, key=lambda row: row.day):
        if last_day is not None:
            gap = (day - last_day).days
            gap_sq, gap_log = gap_sq + gap * gap, gap_log + math.log(gap)
        days, last_day = days + 1, day
        for currency, rows in groupby(rows_of_day, key=lambda row: row.currency):
            same = list(rows)
            purchases += sum(row.purchases for row in same)
            gross, refund = sum(row.gross_minor for row in same), sum(row.refund_minor for row in same)
            tallies.setdefault(currency, _Tally()).add(gross, refund)
    main = min(tallies, key=lambda code: (-tallies[code].days, code))
    tally = tallies.pop(main)
    others = [
        OtherCurrency(code, rest.days, rest.gross - rest.refund) for code, rest in sorted(tallies.items())
    ]
    return State(
        purchases=purchases, days=days, first_day=counting[0].day, last_day=last_day, gap_sq=gap_sq, gap_log=gap_log,
        currency=main, currency_days=tally.days, gross_minor=tally.gross, refund_minor=tally.refund,
        first_day_net=tally.first_net, last_day_net=tally.last_net, net_sq=tally.net_sq,
        other_currencies=tuple(others),
    )  # fmt: skip


def can_step(state: State, purchase: Purchase) -> bool:
    """Return whether `step` applies: the purchase is on or after the last day, in the only currency so far."""
    if state.last_day is None:
        return True
    return (
        purchase.day >= state.last_day and purchase.currency == state.currency and not state.other_currencies
    )


def step(state: State, purchase: Purchase) -> State:
    """Add one purchase without returns in O(1); the result has the same bits as a new fold of everything."""
    assert can_step(state, purchase)
    amount, day = purchase.amount_minor, purchase.day
    if state.last_day is None:
        return State(
            purchases=1, days=1, first_day=day, last_day=day, currency=purchase.currency, currency_days=1,
            gross_minor=amount, first_day_net=amount, last_day_net=amount,
        )  # fmt: skip
    gap = (day - state.last_day).days
    later = gap > 0
    return State(
        purchases=state.purchases + 1, days=state.days + later, first_day=state.first_day, last_day=day,
        gap_sq=state.gap_sq + gap * gap, gap_log=state.gap_log + math.log(gap) if later else state.gap_log,
        currency=state.currency, currency_days=state.currency_days + later,
        gross_minor=state.gross_minor + amount, refund_minor=state.refund_minor,
        first_day_net=state.first_day_net if later or state.days > 1 else state.first_day_net + amount,
        last_day_net=amount if later else state.last_day_net + amount,
        net_sq=state.net_sq + float(state.last_day_net) ** 2 if later else state.net_sq,
    )  # fmt: skip
