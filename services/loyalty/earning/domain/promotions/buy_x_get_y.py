"""Buy X get Y: for each set of bought units some more are free, or cheaper."""

from collections.abc import Sequence
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field

from services.loyalty.earning.domain.conditions import Condition
from services.loyalty.earning.domain.promotions.terms import (
    WHOLE,
    Basis,
    Missing,
    Off,
    OfLines,
    Percent,
    Times,
    percent_of,
    shared,
)
from services.loyalty.ledger.domain.documents import Place

UNITS_MAX = 1_000


class Pick(StrEnum):
    """The units that are free: the cheapest or the dearest ones that can be."""

    CHEAPEST = "cheapest"
    DEAREST = "dearest"


class BuyXGetY(OfLines):
    """For each `buy` units of `lines`, `get` units of `get_lines` are free, or `percent` is taken off them.

    A unit is bought or free, not both. As many sets are made as the cart has units for, then the free units are picked.
    """

    kind: Literal["buy_x_get_y"] = "buy_x_get_y"
    buy: Annotated[int, Field(ge=1, le=UNITS_MAX)]
    get: Annotated[int, Field(ge=1, le=UNITS_MAX)]
    get_lines: Annotated[
        Condition | None,
        Field(description="The lines whose units may be free, by default those of `lines`."),
    ] = None
    percent: Percent = WHOLE
    times: Times = None
    pick: Annotated[Pick, Field(description="The units that are free.")] = Pick.CHEAPEST

    @property
    def further(self) -> Sequence[tuple[Place, Condition | None]]:
        """Return the condition on the lines whose units may be free."""
        return ((("get_lines",), self.get_lines if self.get_lines is not None else self.lines),)

    def off(self, basis: Basis) -> Off:
        """Return what the free units cost, or the percentage of that, for each line."""
        cart, (gettable,) = basis.cart, basis.picked
        bought, got = cart.quantity(basis.mask), cart.quantity(gettable)
        either, both = cart.quantity(basis.mask | gettable), cart.quantity(basis.mask & gettable)
        sets = min(bought // self.buy, got // self.get, either // (self.buy + self.get))
        if sets == 0:
            short = max(self.buy - bought, self.get - got, self.buy + self.get - either)
            return Missing("sum.quantity", short)
        if self.times is not None:
            sets = min(sets, self.times)
        # Of the units that could be either, those that the sets need are bought.
        room = both - max(0, self.buy * sets - (bought - both))
        wanted, off = self.get * sets, [0] * len(cart.lines)
        for some in basis.cart.units(gettable, dearest_first=self.pick is Pick.DEAREST):
            is_either = bool(basis.mask >> some.line & 1)
            count = min(some.number, wanted, room) if is_either else min(some.number, wanted)
            off[some.line] += some.price * count
            wanted -= count
            room -= count if is_either else 0
        assert wanted == 0, "the sets were counted by the units that there are"
        return tuple(off) if self.percent == WHOLE else self._part(basis, off)

    def _part(self, basis: Basis, off: list[int]) -> tuple[int, ...]:
        """Return the percentage of what the picked units of each line cost."""
        order = basis.each(basis.cart.everything)
        parts = shared(percent_of(sum(off), self.percent), (off[line] for line in order))
        of_line = dict(zip(order, parts, strict=True))
        return tuple(of_line[line] for line in range(len(off)))
