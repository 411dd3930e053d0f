"""Units of lines by their price. The units of a line of quantity q and amount A cost ⌊A/q⌋, and A mod q of them one minor unit more."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from services.loyalty.earning.domain.promotions.terms import Basis


class Units(NamedTuple):
    """Units of one line that cost the same."""

    price: int
    line: int
    number: int


def units_of(basis: Basis, mask: int, *, dearest_first: bool) -> list[Units]:
    """Return the units of lines by their price. Those of equal price stand in an order that the cart's does not change."""
    found: list[Units] = []
    for line in basis.each(mask):
        price, dearer = divmod(basis.cart.amount(1 << line), quantity := basis.cart.quantity_of(line))
        found += [Units(price, line, quantity - dearer), Units(price + 1, line, dearer)]
    return sorted(
        (units for units in found if units.number),
        key=lambda units: -units.price if dearest_first else units.price,
    )


def first(units: Iterable[Units], wanted: int) -> list[Units]:
    """Return the first `wanted` units, or all if they are fewer."""
    found: list[Units] = []
    for some in units:
        if wanted == 0:
            break
        number = min(some.number, wanted)
        found.append(Units(some.price, some.line, number))
        wanted -= number
    return found


def worth(units: Iterable[Units], wanted: int) -> int:
    """Return what the first `wanted` units cost together."""
    total = 0
    for price, _, number in units:
        if number >= wanted:
            return total + price * wanted
        total += price * number
        wanted -= number
    return total
