"""A bundle: units of several kinds together for one price, or any n units of one kind (任选3件99元)."""

from collections.abc import Sequence
from typing import Annotated, Literal

from pydantic import Field

from services.loyalty.earning.domain.conditions import Condition
from services.loyalty.earning.domain.promotions.buy_x_get_y import UNITS_MAX
from services.loyalty.earning.domain.promotions.terms import (
    Amounts,
    Basis,
    Missing,
    Off,
    OfLines,
    Times,
    shared,
)
from services.loyalty.earning.domain.promotions.units import Worth
from services.loyalty.ledger.domain.documents import Part, Place

PARTS_MAX = 10


class BundlePart(Part):
    """The units of one kind that a bundle has. A line counts for the first part whose condition it meets."""

    quantity: Annotated[int, Field(ge=1, le=UNITS_MAX)]
    lines: Annotated[
        Condition | None, Field(description="Only the lines that meet it count, by default all.")
    ] = None


class Bundle(OfLines):
    """Sells the units of all parts together for one price. The dearest units are taken first, and only bundles that save something."""

    kind: Literal["bundle"] = "bundle"
    parts: Annotated[tuple[BundlePart, ...], Field(min_length=1, max_length=PARTS_MAX)]
    prices: Amounts
    times: Times = None

    @property
    def further(self) -> Sequence[tuple[Place, Condition | None]]:
        """Return the conditions of the parts."""
        return [(("parts", position, "lines"), part.lines) for position, part in enumerate(self.parts)]

    def off(self, basis: Basis) -> Off:
        """Return what the bundled units cost above the price, for each line."""
        price, left = basis.of(self.prices), basis.mask
        if price is None:
            return None
        costs: list[Worth] = []
        most, short = self.times, 0
        for part, picked in zip(self.parts, basis.picked, strict=True):
            mask, left = picked & left, left & ~picked
            quantity = basis.cart.quantity(mask)
            most = quantity // part.quantity if most is None else min(most, quantity // part.quantity)
            short += max(0, part.quantity - quantity)
            costs.append(Worth(basis.cart.units(mask, dearest_first=True)))
        if short or most is None:
            return Missing("sum.quantity", short)
        return self._saved(basis, price, costs, self._worthwhile(price, costs, most))

    def _worthwhile(self, price: int, costs: Sequence[Worth], most: int) -> int:
        """Return how many bundles save something. Each saves no more than the one before it, because the dearest units come first."""

        def worth(bundles: int) -> int:
            return sum(
                [cost.of_first(part.quantity * bundles) for part, cost in zip(self.parts, costs, strict=True)]
            )

        low, high = 0, most
        if worth(1) <= price:
            return 0
        while low < high:
            middle = (low + high + 1) // 2
            if worth(middle) - worth(middle - 1) > price:
                low = middle
            else:
                high = middle - 1
        return low

    def _saved(self, basis: Basis, price: int, costs: Sequence[Worth], bundles: int) -> tuple[int, ...]:
        bundled = [0] * len(basis.cart.lines)
        for part, cost in zip(self.parts, costs, strict=True):
            cost.add_first(bundled, part.quantity * bundles)
        off = [0] * len(bundled)
        order = [line for line in basis.each(basis.cart.everything) if bundled[line]]
        saved = shared(sum(bundled) - price * bundles, (bundled[line] for line in order))
        for line, amount in zip(order, saved, strict=True):
            off[line] = amount
        return tuple(off)
