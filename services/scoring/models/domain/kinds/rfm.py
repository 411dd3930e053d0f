"""RFM: recency, frequency and monetary scores of 1 to 5, and the name of each R × F cell.

Names come from one look-up in a full 5 × 5 table, so they are a partition by construction. Cut points are
inverse-ECDF quintiles (Hyndman & Fan 1996, type 1): equal values always get equal scores.
"""

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from typing import Final, Literal, Self

from pydantic import BaseModel, ConfigDict, model_validator

from services.scoring.facts.domain.state import State

CUSTOMERS_MIN: Final = 50  # below this many, quintiles say more about chance than about customers
CUTS: Final = 4


class Segment(StrEnum):
    """The name of a cell of the R × F table."""

    NEW = "new"
    POTENTIAL_LOYAL = "potential_loyal"
    CHAMPION = "champion"
    LOYAL = "loyal"
    PROMISING = "promising"
    NEED_ATTENTION = "need_attention"
    HIBERNATING = "hibernating"
    ABOUT_TO_SLEEP = "about_to_sleep"
    AT_RISK = "at_risk"
    LOST = "lost"
    CANNOT_LOSE = "cannot_lose"


class Cuts(BaseModel):
    """Four ascending cut points each for recency (days), frequency (purchases) and, by currency, money (minor)."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal["rfm"] = "rfm"
    recency: tuple[int, ...]
    frequency: tuple[int, ...]
    monetary: dict[str, tuple[int, ...]]

    @model_validator(mode="after")
    def _four_ascending(self) -> Self:
        for cuts in (self.recency, self.frequency, *self.monetary.values()):
            if len(cuts) != CUTS or list(cuts) != sorted(cuts):
                raise ValueError(f"{cuts} are not {CUTS} ascending cut points")
        return self


SHIPPED: Final = Cuts(recency=(30, 90, 180, 365), frequency=(1, 2, 4, 8), monetary={})
"""Version 0, used until a shop has enough customers for its own cut points."""


@dataclass(frozen=True, slots=True)
class Rfm:
    """The RFM answer for one customer on one day; `monetary` (score) is None where its currency has no cuts."""

    recency_days: int
    frequency: int
    monetary_minor: int
    currency: str
    r: int
    f: int
    m: int | None
    segment: Segment


def rfm(state: State, cuts: Cuts, day: date) -> Rfm | None:
    """Score a customer as of the end of `day`; None when no purchase counts."""
    if state.last_day is None or state.currency is None:
        return None
    recency = (day - state.last_day).days
    r, f = recency_score(recency, cuts), frequency_score(state.purchases, cuts)
    monetary_cuts = cuts.monetary.get(state.currency)
    return Rfm(
        recency_days=recency,
        frequency=state.purchases,
        monetary_minor=state.net_minor,
        currency=state.currency,
        r=r,
        f=f,
        m=None if monetary_cuts is None else 1 + _exceeded(state.net_minor, monetary_cuts),
        segment=segment(r, f),
    )


def recency_score(days: int, cuts: Cuts) -> int:
    """Return 5 for the most recent fifth, 1 for the longest ago; `days` are those since the last purchase day."""
    assert days >= 0, days
    return 5 - _exceeded(days, cuts.recency)


def frequency_score(purchases: int, cuts: Cuts) -> int:
    """Return 1 for a single purchase (with cuts of `frequency_cuts`) up to 5 for the most frequent."""
    return 1 + _exceeded(purchases, cuts.frequency)


def segment(r: int, f: int) -> Segment:
    """Return the name of a cell; `r` and `f` are from 1 to 5."""
    return _TABLE[r][f - 1]


def next_change(state: State, cuts: Cuts, day: date) -> date | None:
    """Return the first day after `day` on which the *name* changes without any event; None when it never will.

    Only recency changes by itself, and the name only when recency passes a cut point, so at most four days are checked.
    """
    if state.last_day is None:
        return None
    f = frequency_score(state.purchases, cuts)
    now = segment(recency_score((day - state.last_day).days, cuts), f)
    for cut in cuts.recency:
        turn = state.last_day + timedelta(days=cut + 1)
        if turn > day and segment(recency_score(cut + 1, cuts), f) is not now:
            return turn
    return None


def quintile_cuts(histogram: Sequence[tuple[int, int]]) -> tuple[int, ...]:
    """Return the 20, 40, 60 and 80 % points of (value, customers) pairs, each the smallest value that reaches it."""
    return _quantiles(histogram, parts=5)


def frequency_cuts(histogram: Sequence[tuple[int, int]]) -> tuple[int, ...]:
    """Return 1 and the quartiles of customers with two or more purchases; plain quintiles would split equal customers."""
    repeaters = [(value, customers) for value, customers in histogram if value > 1]
    return (1, *(_quantiles(repeaters, parts=4) if repeaters else (2, 3, 4)))


def snapped(recency_cuts: Sequence[int]) -> tuple[int, ...]:
    """Return recency cuts moved to the nearest round number of days, unless two would then be equal."""
    near = tuple(min(_ROUND_DAYS, key=lambda days: (abs(days - cut), days)) for cut in recency_cuts)
    return near if len(set(near)) == len(near) else tuple(recency_cuts)


def _quantiles(histogram: Sequence[tuple[int, int]], parts: int) -> tuple[int, ...]:
    ordered = sorted(histogram)
    total = sum(customers for _, customers in ordered)
    points, reached, index = [], 0, -1
    for part in range(1, parts):
        while reached * parts < part * total:
            index += 1
            reached += ordered[index][1]
        points.append(ordered[index][0])
    return tuple(points)


def _exceeded(value: int, cuts: Sequence[int]) -> int:
    return bisect_left(cuts, value)  # cuts ascend: how many of them are below the value


_ROUND_DAYS: Final = (7, 14, 21, 30, 45, 60, 90, 120, 180, 270, 365, 540, 730)

_S = Segment
_TABLE: Final[Mapping[int, tuple[Segment, ...]]] = {
    5: (_S.NEW, _S.POTENTIAL_LOYAL, _S.POTENTIAL_LOYAL, _S.CHAMPION, _S.CHAMPION),
    4: (_S.NEW, _S.POTENTIAL_LOYAL, _S.LOYAL, _S.LOYAL, _S.CHAMPION),
    3: (_S.PROMISING, _S.NEED_ATTENTION, _S.NEED_ATTENTION, _S.LOYAL, _S.LOYAL),
    2: (_S.HIBERNATING, _S.ABOUT_TO_SLEEP, _S.ABOUT_TO_SLEEP, _S.AT_RISK, _S.AT_RISK),
    1: (_S.LOST, _S.LOST, _S.HIBERNATING, _S.AT_RISK, _S.CANNOT_LOSE),
}
