"""The terms that every rule has beside its kind: conditions, limits, what a return does, and how long its points live."""

from __future__ import annotations

from functools import cache
from typing import Annotated, ClassVar, Literal, NamedTuple

from pydantic import AwareDatetime, Field

from services.loyalty.earning.domain.conditions import Condition
from services.loyalty.earning.domain.documents import Code, Part
from shared import money

PRIORITY_MAX = 1_000
ORDER_POINTS_MAX = 1_000_000_000

OnReturn = Literal["share", "requalify", "keep"]


class Eligible(NamedTuple):
    """The lines that count for a rule, added up."""

    currency: str
    amount_minor: int
    quantity: int


class Fraction(NamedTuple):
    """A number of points before it is rounded down."""

    numerator: int
    denominator: int


class Terms(Part):
    """The terms that every rule has beside its kind.

    `when`: the order must meet it. `lines`: only the lines that meet it count (None: all). `begins_at`, `ends_at`: the half-open span of
    effective time in which the rule holds. `group`: the rules with which it competes. `order_max`: the most points of one
    order. `cap`: the limit of the member that its points count for. `on_return`: what a return does to a grant that is left,
    see `leaving.py`. The points can be spent `available_after_days` calendar days later (None: at once) and expire
    `expires_after_months` calendar months after the purchase (None: never). Caps are served by priority, the highest first.
    """

    returns: ClassVar[OnReturn] = "share"
    """The effect of a return where the rule does not say."""

    code: Code
    when: Condition | None = None
    lines: Condition | None = None
    begins_at: AwareDatetime | None = None
    ends_at: AwareDatetime | None = None
    priority: Annotated[int, Field(ge=-PRIORITY_MAX, le=PRIORITY_MAX)] = 0
    group: Code | None = None
    order_max: Annotated[int, Field(ge=1, le=ORDER_POINTS_MAX)] | None = None
    cap: Code | None = None
    on_return: OnReturn | None = None
    available_after_days: Annotated[int, Field(ge=1, le=366)] | None = None
    expires_after_months: Annotated[int, Field(ge=1, le=240)] | None = None

    @property
    def left_by(self) -> OnReturn:
        """Return what a return does to a grant of the rule."""
        return self.on_return or self.returns

    @property
    def in_turn(self) -> tuple[int, str]:
        """Return the sort key by which rules are served: the highest priority first, then by code."""
        return -self.priority, self.code


class BaseTerms(Terms):
    """A rule whose points come from the order itself."""

    by_units: ClassVar[bool] = False
    """Whether a return takes back by the number of units, and not by what they are worth."""

    def earned(self, eligible: Eligible) -> int | None:
        """Return the points for the lines that count; None: the rule does not know the currency."""
        raise NotImplementedError

    def worth(self, eligible: Eligible) -> Fraction | None:
        """Return the points before any rounding, which multipliers multiply; None: there is nothing to multiply."""
        return None


@cache
def unit_of(currency: str) -> int:
    """Return the minor units of one whole unit of a currency."""
    return int(10 ** money.exponent(currency))
