"""Add up what the first units of a list cost, together and by line."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from itertools import accumulate

from services.loyalty.earning.domain.cart import Units


class Worth:
    """A list of units answers what its first units cost. Each question is one search, however long the list is."""

    __slots__ = ("_costs", "_counts", "_units")

    def __init__(self, units: Sequence[Units]) -> None:
        self._units = units
        self._counts = list(accumulate((some.number for some in units), initial=0))
        self._costs = list(accumulate((some.price * some.number for some in units), initial=0))

    def of_first(self, wanted: int) -> int:
        """Return what the first `wanted` units cost, or all if they are fewer."""
        whole = self._whole(wanted)
        if whole == len(self._units):
            return self._costs[-1]
        return self._costs[whole] + self._units[whole].price * (wanted - self._counts[whole])

    def add_first(self, cost_of: list[int], wanted: int) -> None:
        """Add what the first `wanted` units cost to the cost of their lines."""
        whole = self._whole(wanted)
        for price, line, number in self._units[:whole]:
            cost_of[line] += price * number
        if whole < len(self._units):
            price, line, _ = self._units[whole]
            cost_of[line] += price * (wanted - self._counts[whole])

    def _whole(self, wanted: int) -> int:
        """Return how many entries of the list are taken whole."""
        return bisect_left(self._counts, wanted, lo=1) - 1
