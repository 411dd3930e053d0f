"""The terms that every rule has beside its kind: conditions, limits, what a return does, and how long its points live."""

from __future__ import annotations

from enum import StrEnum
from functools import cache
from typing import Annotated, ClassVar, Literal, NamedTuple

from pydantic import AwareDatetime, Field

from services.loyalty.activities.domain.facts import Facts
from services.loyalty.earning.domain.conditions import Condition
from services.loyalty.earning.domain.documents import ACTIVITY_KIND, ACTIVITY_TRIGGER_MAX, PURCHASE, Code
from services.loyalty.ledger.domain.calendar import CalendarPeriod
from services.loyalty.ledger.domain.documents import Part
from shared import money

PRIORITY_MAX = 1_000
ORDER_POINTS_MAX = 1_000_000_000


class OnReturn(StrEnum):
    """The effect of a return on a grant.

    `share`: the points that fall on the returned units go. `requalify`: the rule is answered again for what is left. `keep`:
    all points stay until the last unit that counts is gone.
    """

    SHARE = "share"
    REQUALIFY = "requalify"
    KEEP = "keep"


class Eligible(NamedTuple):
    """The lines that count for a rule, added up, or the facts of an activity."""

    currency: str
    amount_minor: int
    quantity: int
    facts: Facts


class Fraction(NamedTuple):
    """A number of points before it is rounded down."""

    numerator: int
    denominator: int


AvailableAfterDays = Annotated[
    Annotated[int, Field(ge=1, le=366)] | None,
    Field(
        description="The points can be spent so many calendar days after the purchase or activity, by default at once."
    ),
]
ExpiresAfterMonths = Annotated[
    Annotated[int, Field(ge=1, le=240)] | None,
    Field(
        description="The points expire so many calendar months after the purchase or activity, by default as the programme says."
    ),
]
AvailableFrom = Annotated[
    AwareDatetime | None,
    Field(description="The points can be spent from this instant on, and not before, by default at once."),
]
ExpiresUntilEndOf = Annotated[
    CalendarPeriod | None,
    Field(
        description="The points live until the end of this calendar period: the one in which their months end, or in which they were earned."
    ),
]
NeverExpires = Annotated[
    Literal[True] | None,
    Field(description="The points live for ever, also where the programme says when points expire."),
]


BudgetCode = Annotated[Code | None, Field(description="The budget of all members that the points come from.")]


class Selection(Part):
    """The orders or activities that count for a rule or a goal, and the lines of orders that do."""

    code: Code
    when: Annotated[Condition | None, Field(description="The order or the activity must meet it.")] = None
    lines: Annotated[
        Condition | None, Field(description="Only the lines that meet it count, by default all.")
    ] = None
    begins_at: Annotated[
        AwareDatetime | None,
        Field(description="The rule holds for purchases and activities from this instant on."),
    ] = None
    ends_at: Annotated[
        AwareDatetime | None,
        Field(description="The rule holds for purchases and activities before this instant."),
    ] = None

    @property
    def trigger(self) -> str:
        """Return what the rule or goal answers to: `purchase`, or `activity:` and a kind."""
        return PURCHASE


class Terms(Selection):
    """The terms that every rule has beside its kind. `leaving.py` says what a return does to a grant."""

    returns: ClassVar[OnReturn] = OnReturn.SHARE
    """The effect of a return where the rule does not say."""

    on: Annotated[
        Annotated[str, Field(max_length=ACTIVITY_TRIGGER_MAX, pattern=ACTIVITY_KIND)] | None,
        Field(
            description="`activity:` and a kind, such as `activity:check_in`: the rule is for activities of this kind. By default it is for purchases."
        ),
    ] = None

    priority: Annotated[
        int,
        Field(
            ge=-PRIORITY_MAX,
            le=PRIORITY_MAX,
            description="Caps are served by priority, the highest first, then by code.",
        ),
    ] = 0
    group: Annotated[Code | None, Field(description="The group of rules with which it competes.")] = None
    order_max: Annotated[
        Annotated[int, Field(ge=1, le=ORDER_POINTS_MAX)] | None,
        Field(description="The most points of one order, or of one activity."),
    ] = None
    cap: Annotated[Code | None, Field(description="The cap of the member that the points count for.")] = None
    budget: BudgetCode = None
    on_return: Annotated[
        OnReturn | None,
        Field(description="By default `requalify` for a `fixed_bonus`, and `share` for every other kind."),
    ] = None
    available_after_days: AvailableAfterDays = None
    available_from: AvailableFrom = None
    expires_after_months: ExpiresAfterMonths = None
    expires_until_end_of: ExpiresUntilEndOf = None
    never_expires: NeverExpires = None

    @property
    def trigger(self) -> str:
        """Return what the rule answers to."""
        return self.on or PURCHASE

    @property
    def left_by(self) -> OnReturn:
        """Return what a return does to a grant of the rule."""
        return self.on_return or self.returns

    @property
    def in_turn(self) -> tuple[int, str]:
        """Return the sort key by which rules are served: the highest priority first, then by code."""
        return -self.priority, self.code


class BaseTerms(Terms):
    """A rule whose points come from the order or the activity itself."""

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
