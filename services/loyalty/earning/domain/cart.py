"""The cart: the lines of an order as rules look at them, with all its units or with those that are left.

Sets of lines are bit masks: bit i stands for line i + 1. What units of a line are worth is the formula of
`attribution.py`, so a cart of what is left is worth what the returned units do not take with them.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Sequence
from copy import copy
from datetime import datetime
from itertools import compress
from typing import NamedTuple, TypeVar

from services.loyalty.activities.domain.facts import Facts
from services.loyalty.earning.domain.documents import PURCHASE
from services.loyalty.purchases.domain import attribution
from services.loyalty.purchases.domain.facts import Line, MemberFacts, UnitRange

PARTNER = "partner:"
NO_FACTS: Facts = {}
Item = TypeVar("Item")
_BITS = bytes.maketrans(b"01", b"\0\1")


class Units(NamedTuple):
    """Units of one line that cost the same. The line is its index from 0."""

    price: int
    line: int
    number: int


class _Ranked:
    """Lines in the order of a number. A comparison of all lines is one search, however many rules compare them."""

    __slots__ = ("_lines", "_values")

    def __init__(self, numbers: Iterable[tuple[int, int]]) -> None:
        """Take the number of each line, by the index of the line."""
        self._values: list[int] = []
        self._lines = [0]
        for number, line in sorted((number, line) for line, number in numbers):
            self._values.append(number)
            self._lines.append(self._lines[-1] | 1 << line)

    def below(self, limit: int, *, or_equal: bool) -> int:
        """Return the set of the lines whose number is less than a limit, or at most the limit."""
        return self._lines[(bisect_right if or_equal else bisect_left)(self._values, limit)]


class Cart:
    """An order with its lines, and the facts about its member that were frozen when it was booked.

    An activity is a cart of its facts, with one unit that costs nothing.
    """

    __slots__ = (
        *(
            "_amount_of",
            "_amounts",
            "_by_content",
            "_index",
            "_quantities",
            "_quantity_of",
            "_ranked",
            "_units",
        ),
        *("facts", "trigger"),
        *("channel", "currency", "everything", "issuer", "lines", "member", "occurred_at", "source", "store"),
    )

    def __init__(
        self,
        *,
        currency: str,
        occurred_at: datetime,
        lines: Sequence[Line],
        member: MemberFacts | None,
        source: str | None = None,
        channel: str | None = None,
        store: str | None = None,
        issuer: str = "",
        returned: Sequence[UnitRange] = (),
        trigger: str = PURCHASE,
        facts: Facts = NO_FACTS,
    ) -> None:
        self.currency = currency
        self.occurred_at = occurred_at
        self.lines = lines
        self.member = member
        self.source = source
        self.channel = channel
        self.store = store
        self.issuer = issuer
        self.trigger = trigger
        self.facts = facts
        self._quantities = [line.quantity for line in lines]
        self._amounts = [line.amount_minor for line in lines]
        self.everything = (1 << len(lines)) - 1
        if returned:
            self._take_back(returned)
        self._amount_of: dict[int, int] = {}
        self._quantity_of: dict[int, int] = {}
        self._index: dict[str, dict[str | None, int]] = {}
        self._ranked: dict[Callable[[Cart, int], int], _Ranked] = {}
        self._by_content: list[int] | None = None
        self._units: dict[bool, tuple[list[Units], list[int]]] = {}

    def at(self, amounts: Sequence[int]) -> Cart:
        """Return the same cart with lines that cost these amounts by now. The price of a unit stays that of the booked line."""
        cart = copy(self)
        cart._amounts = list(amounts)
        cart._amount_of = {}
        cart._units = {}
        return cart

    def _take_back(self, returned: Iterable[UnitRange]) -> None:
        for units in returned:
            self._quantities[units.line - 1] -= units.unit_to - units.unit_from + 1
            self._amounts[units.line - 1] -= attribution.amount_of(self.lines, units)
        self.everything = self.mask(lambda line: self._quantities[line] > 0)

    def number(self, fact: str) -> int | None:
        """Return a fact of the activity that is a number; None: it has no such fact, or a code."""
        value = self.facts.get(fact)
        return value if isinstance(value, int) else None

    @property
    def partner(self) -> str | None:
        """Return the partner that recorded the order or the activity; None if the shop did."""
        return self.issuer.removeprefix(PARTNER) if self.issuer.startswith(PARTNER) else None

    def amount(self, mask: int) -> int:
        """Return what the units that are left of these lines are worth, in minor units."""
        amount = self._amount_of.get(mask)
        if amount is None:
            amount = self._amount_of[mask] = self._sum(self._amounts, mask)
        return amount

    def quantity(self, mask: int) -> int:
        """Return how many units are left of these lines."""
        quantity = self._quantity_of.get(mask)
        if quantity is None:
            quantity = self._quantity_of[mask] = self._sum(self._quantities, mask)
        return quantity

    def quantity_of(self, line: int) -> int:
        """Return how many units are left of a line, by its index from 0."""
        return self._quantities[line]

    def unit_price(self, line: int) -> int:
        """Return the price of a unit of a booked line, by its index from 0, rounded down; returns do not change it."""
        booked = self.lines[line]
        return booked.amount_minor // booked.quantity

    @property
    def by_content(self) -> list[int]:
        """Return the lines by their index from 0, in an order that is that of their contents and not that of the cart."""
        if self._by_content is None:
            self._by_content = sorted(range(len(self.lines)), key=lambda line: _content(self.lines[line]))
        return self._by_content

    def each(self, mask: int) -> list[int]:
        """Return the lines of a set by their index from 0, in the order of `by_content`."""
        return _picked(mask, self.by_content, self.by_content, len(self.lines))

    def units(self, mask: int, *, dearest_first: bool) -> list[Units]:
        """Return the units of lines by their price. Those of equal price stand in the order of `by_content`.

        The units of a line of quantity q and amount A cost ⌊A/q⌋, and A mod q of them one minor unit more. All lines are sorted once,
        however many promotions pick some of them.
        """
        if dearest_first not in self._units:
            found = self._sorted_units(dearest_first)
            self._units[dearest_first] = found, [units.line for units in found]
        found, lines = self._units[dearest_first]
        return _picked(mask, found, lines, len(self.lines))

    def _sorted_units(self, dearest_first: bool) -> list[Units]:
        found: list[Units] = []
        for line in self.each(self.everything):
            price, dearer = divmod(self._amounts[line], quantity := self._quantities[line])
            found += [Units(price, line, quantity - dearer), Units(price + 1, line, dearer)]
        return sorted(
            (units for units in found if units.number),
            key=lambda units: -units.price if dearest_first else units.price,
        )

    def with_text(self, attribute: str) -> dict[str | None, int]:
        """Return the lines with each value of a text attribute, of those that are left."""
        index = self._index.get(attribute)
        if index is None:
            index = self._index[attribute] = {}
            for line, booked in enumerate(self.lines):
                value: str | None = getattr(booked, attribute) or None
                index[value] = index.get(value, 0) | (1 << line & self.everything)
        return index

    def with_number(self, read: Callable[[Cart, int], int]) -> _Ranked:
        """Return the lines that are left, ranked by a number of each."""
        ranked = self._ranked.get(read)
        if ranked is None:
            left = (line for line in range(len(self.lines)) if self.everything >> line & 1)
            ranked = self._ranked[read] = _Ranked((line, read(self, line)) for line in left)
        return ranked

    def mask(self, is_in: Callable[[int], bool]) -> int:
        """Return the set of the lines, by their index from 0, that a condition picks."""
        return sum(1 << line for line in range(len(self.lines)) if is_in(line))

    def numbers(self, mask: int) -> tuple[int, ...] | None:
        """Return the numbers of these lines, from 1; None: all lines."""
        if mask == (1 << len(self.lines)) - 1:
            return None
        return tuple(line + 1 for line in range(len(self.lines)) if mask >> line & 1)

    def _sum(self, numbers: Sequence[int], mask: int) -> int:
        """Return the sum of the numbers of these lines."""
        if mask == self.everything:
            return sum(numbers)  # lines that are gone count nothing
        if mask.bit_count() == 1:
            return numbers[mask.bit_length() - 1]
        return sum([number for line, number in enumerate(numbers) if mask >> line & 1])


def _picked(mask: int, items: Sequence[Item], lines: Iterable[int], count: int) -> list[Item]:
    """Return the items whose line, of so many, is in a set of lines. `lines`: the line of each item."""
    bits = bin(mask)[:1:-1].ljust(count, "0").encode().translate(_BITS)
    return list(compress(items, map(bits.__getitem__, lines)))


def _content(line: Line) -> tuple[str, str, str, int, int]:
    return line.sku, line.category or "", line.brand or "", line.quantity, line.amount_minor


def mask_of(numbers: Iterable[int] | None, lines: Sequence[Line]) -> int:
    """Return the set of the lines with these numbers, from 1. None: all lines."""
    if numbers is None:
        return (1 << len(lines)) - 1
    return sum(1 << number - 1 for number in numbers)
