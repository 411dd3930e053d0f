"""Discounts: what a promotion takes off each line of a cart and off its shipping, and which part of it a part of the units has."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from services.loyalty.purchases.domain.facts import Line


@dataclass(frozen=True, slots=True)
class GiftLine:
    """Units of an article that a promotion adds to the order. They cost nothing."""

    sku: str
    quantity: int


@dataclass(frozen=True, slots=True)
class Discount:
    """The money that a promotion takes off a cart: off each of its lines, and off its shipping. Or a gift: then it takes nothing off."""

    promotion: str
    lines: tuple[int, ...]
    shipping: int = 0
    gift: GiftLine | None = None

    @property
    def total(self) -> int:
        """Return all that the promotion takes off."""
        return sum(self.lines) + self.shipping


def total_of(discounts: Sequence[Discount]) -> int:
    """Return what discounts take off together."""
    return sum(discount.total for discount in discounts)


def off_lines(discounts: Sequence[Discount], lines: int) -> list[int]:
    """Return what discounts take off each of so many lines."""
    off = [0] * lines
    for discount in discounts:
        for line, amount in enumerate(discount.lines):
            off[line] += amount
    return off


def net_amounts(lines: Sequence[Line], discounts: Sequence[Discount]) -> list[int]:
    """Return what lines cost after discounts."""
    off = off_lines(discounts, len(lines))
    return [line.amount_minor - amount for line, amount in zip(lines, off, strict=True)]


def parts_of(
    lines: Sequence[Line], discounts: Sequence[Discount], units: Sequence[tuple[int, int]]
) -> list[Discount]:
    """Return which part of each discount the first units of lines have. `units`: the index of a line, and how many of its units.

    A discount takes a line from one amount to a lower one. The first k of q units have the difference of what they are worth at both
    amounts, so that the parts of all discounts and the net amount sum to the price of these units. Shipping and gifts are not divided.
    """
    before = [line.amount_minor for line in lines]
    found = []
    for discount in discounts:
        after = [amount - off for amount, off in zip(before, discount.lines, strict=True)]
        parts = tuple(
            before[line] * count // lines[line].quantity - after[line] * count // lines[line].quantity
            for line, count in units
        )
        found.append(replace(discount, lines=parts))
        before = after
    return found
