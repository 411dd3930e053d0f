"""The terms that every promotion has beside its kind, and what a kind looks at to say what it takes off."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from enum import StrEnum
from typing import Annotated, Literal, NamedTuple

from pydantic import Field

from services.loyalty.earning.domain.cart import Cart
from services.loyalty.earning.domain.conditions import Condition
from services.loyalty.earning.domain.documents import CURRENCIES_MAX
from services.loyalty.earning.domain.rules.terms import PRIORITY_MAX, Selection
from services.loyalty.ledger.domain.documents import Place
from shared.limits import ORDER_AMOUNT_MAX

WHOLE = 100
STEPS_MAX = 20
"""Steps of a ladder."""
TIMES_MAX = 1_000_000

Amounts = Annotated[
    dict[str, Annotated[int, Field(ge=1, le=ORDER_AMOUNT_MAX)]],
    Field(min_length=1, max_length=CURRENCIES_MAX, description="Minor units, by currency."),
]
Percent = Annotated[int, Field(ge=1, le=WHOLE, description="The percentage that is taken off.")]
Times = Annotated[
    Annotated[int, Field(ge=1, le=TIMES_MAX)] | None,
    Field(description="How often one cart has it at most, by default without a limit."),
]


class Stage(StrEnum):
    """The stages of a cart in their order. All promotions of a stage see the amounts that the stages before it left.

    `after`: thresholds on what all other promotions of the order left.
    """

    LINE = "line"
    ORDER = "order"
    AFTER = "after"
    SHIPPING = "shipping"
    GIFT = "gift"


class Base(StrEnum):
    """The amount that a threshold looks at.

    `list`: list prices. `before`: what promotions of lines left, before those of the order. `after`: what all other promotions of the order left.
    """

    LIST = "list"
    BEFORE = "before"
    AFTER = "after"


class Missing(NamedTuple):
    """A threshold that a cart does not reach: the fact, and how much more of it would do."""

    fact: str
    missing: int


Off = int | tuple[int, ...] | Missing | None
"""The money that a promotion would take off: a sum over its lines, or an amount for each line of the cart by its index. None: it has no amount of the currency."""


class Basis(NamedTuple):
    """The cart of a promotion at the begin of its stage and at list prices, and the lines that count for the promotion."""

    cart: Cart
    listed: Cart
    mask: int
    picked: Sequence[int]
    """The lines that each further condition of the promotion picks."""
    shipping_minor: int

    @property
    def amount(self) -> int:
        """Return what the lines that count come to."""
        return self.cart.amount(self.mask)

    @property
    def quantity(self) -> int:
        """Return how many units the lines that count have."""
        return self.cart.quantity(self.mask)

    def fact(self, of: str) -> str:
        """Return the name of a sum over the lines that count: of the order if all of them do."""
        return f"order.{of}" if self.mask == self.cart.everything else f"sum.{of}"

    def of(self, amounts: dict[str, int]) -> int | None:
        """Return the amount of the cart's currency; None: there is none."""
        return amounts.get(self.cart.currency)

    def each(self, mask: int) -> list[int]:
        """Return the indices of the lines of a set, in an order that does not depend on the order of the cart's lines."""
        return self.listed.each(mask)


class PromotionTerms(Selection):
    """The terms that every promotion has beside its kind."""

    priority: Annotated[
        int,
        Field(
            ge=-PRIORITY_MAX,
            le=PRIORITY_MAX,
            description="Promotions of a stage are served by priority, the highest first, then by code.",
        ),
    ] = 0
    exclusive: Annotated[
        bool,
        Field(
            description="It counts alone, or all promotions that are not exclusive do: whichever takes off more."
        ),
    ] = False
    at_most: Annotated[
        Amounts | None, Field(description="The most that it takes off one cart, by currency.")
    ] = None
    needs: Annotated[
        Literal["coupon"] | None,
        Field(
            description="`coupon`: only carts with a code of a coupon that names the promotion have it. Null: every cart can have it."
        ),
    ] = None

    @property
    def stage(self) -> Stage:
        """Return the stage in which it is served."""
        raise NotImplementedError

    @property
    def further(self) -> Sequence[tuple[Place, Condition | None]]:
        """Return the conditions on lines that it has beside `lines`, each with its place. None: all lines."""
        return ()

    @property
    def in_turn(self) -> tuple[int, str]:
        """Return the sort key by which promotions of a stage are served: the highest priority first, then by code."""
        return -self.priority, self.code

    def off(self, basis: Basis) -> Off:
        """Return what it would take off if it was served alone."""
        raise NotImplementedError


class OfLines(PromotionTerms):
    """A promotion of the first stage: it looks at list prices."""

    @property
    def stage(self) -> Stage:
        """Return the stage of lines."""
        return Stage.LINE


class OfOrder(PromotionTerms):
    """A promotion of the second stage: it looks at what the promotions of lines left."""

    @property
    def stage(self) -> Stage:
        """Return the stage of the order."""
        return Stage.ORDER


def percent_of(amount: int, percent: int) -> int:
    """Return a percentage of an amount; half a minor unit is rounded up."""
    return (amount * percent * 2 + WHOLE) // (2 * WHOLE)


def shared(total: int, weights: Iterable[int]) -> list[int]:
    """Return a sum shared over weights whose sum is not less, by cumulative floors.

    The shares sum to the total, and none is above its weight.
    """
    listed = list(weights)
    whole = sum(listed)
    if total == whole:
        return listed
    shares, before, given = [], 0, 0
    for weight in listed:
        before += weight
        upto = total * before // whole if whole else 0
        shares.append(upto - given)
        given = upto
    return shares
