"""What promotions take off, worked out unit by unit and by trying everything. It shares no code with the product."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import combinations, pairwise
from math import floor
from typing import Any

Json = dict[str, Any]


@dataclass(frozen=True)
class Item:
    """A line of a cart."""

    sku: str
    category: str | None
    quantity: int
    amount: int

    @property
    def prices(self) -> list[int]:
        """Return the price of each unit."""
        upto = [self.amount * unit // self.quantity for unit in range(self.quantity + 1)]
        return [later - earlier for earlier, later in pairwise(upto)]


@dataclass(frozen=True)
class Scene:
    """A cart as it stands at the begin of a stage."""

    items: Sequence[Item]
    currency: str
    shipping: int
    now: Sequence[int]
    """What each line costs by now."""

    def counting(self, condition: Json | None) -> list[int]:
        """Return the lines that a condition picks."""
        return [number for number, item in enumerate(self.items) if _picks(condition, item)]

    def amount(self, lines: Sequence[int]) -> int:
        return sum(self.now[line] for line in lines)

    def listed(self, lines: Sequence[int]) -> int:
        return sum(self.items[line].amount for line in lines)

    def quantity(self, lines: Sequence[int]) -> int:
        return sum(self.items[line].quantity for line in lines)


def _picks(condition: Json | None, item: Item) -> bool:
    if condition is None:
        return True
    value = {"line.sku": item.sku, "line.category": item.category}[condition["fact"]]
    return (value == condition["value"]) is (condition["op"] == "eq")


def holds(promotion: Json, scene: Scene) -> bool:
    """Return whether the cart meets the condition of a promotion."""
    when = promotion.get("when")
    if when is None:
        return True
    everything = range(len(scene.items))
    if when["fact"] == "order.amount":
        limit = when["value"].get(scene.currency)
        return limit is not None and scene.amount(everything) >= limit
    return scene.quantity(everything) >= int(when["value"])


def half_up(number: Fraction) -> int:
    return floor(number + Fraction(1, 2))


def wanted(promotion: Json, scene: Scene) -> int:
    """Return what a promotion takes off a cart on which nothing else is served; 0: nothing."""
    lines = scene.counting(promotion.get("lines"))
    if not lines or not holds(promotion, scene):
        return 0
    off: int = OFF[promotion["kind"]](promotion, scene, lines)
    most = promotion.get("at_most")
    if most is None:
        return off
    return min(off, int(most[scene.currency])) if scene.currency in most else 0


def _percent(promotion: Json, scene: Scene, lines: Sequence[int]) -> int:
    return half_up(Fraction(scene.amount(lines) * promotion["percent"], 100))


def _amount(promotion: Json, scene: Scene, lines: Sequence[int]) -> int:
    return min(int(promotion["amounts"].get(scene.currency, 0)), scene.amount(lines))


def _per_unit(promotion: Json, scene: Scene, lines: Sequence[int]) -> int:
    off = promotion["amounts"].get(scene.currency, 0)
    return sum(min(scene.now[line], off * scene.items[line].quantity) for line in lines)


def _fixed(promotion: Json, scene: Scene, lines: Sequence[int]) -> int:
    price = promotion["prices"].get(scene.currency)
    if price is None:
        return 0
    return sum(max(0, scene.now[line] - price * scene.items[line].quantity) for line in lines)


def _reached(promotion: Json, scene: Scene, lines: Sequence[int]) -> int:
    return scene.listed(lines) if promotion.get("base") == "list" else scene.amount(lines)


def _threshold(promotion: Json, scene: Scene, lines: Sequence[int]) -> int:
    reached = _reached(promotion, scene, lines)
    offs = [
        step["off"][scene.currency]
        for step in promotion["steps"]
        if scene.currency in step["reaches"] and step["reaches"][scene.currency] <= reached
    ]
    return min(max(offs, default=0), scene.amount(lines))


def _every(promotion: Json, scene: Scene, lines: Sequence[int]) -> int:
    every, left, off = promotion["every"].get(scene.currency), _reached(promotion, scene, lines), 0
    times = promotion.get("times", 10**9)
    while every is not None and left >= every and times > 0:
        left, off, times = left - every, off + promotion["takes"][scene.currency], times - 1
    return min(off, scene.amount(lines))


def _quantity(promotion: Json, scene: Scene, lines: Sequence[int]) -> int:
    quantity = scene.quantity(lines)
    percents = [step["percent"] for step in promotion["steps"] if step["quantity"] <= quantity]
    return half_up(Fraction(scene.amount(lines) * max(percents, default=0), 100))


def _shipping(promotion: Json, scene: Scene, lines: Sequence[int]) -> int:
    return scene.shipping


def _units(scene: Scene, lines: Sequence[int]) -> list[tuple[int, int]]:
    """Return each unit of lines as its line and its price."""
    return [(line, price) for line in lines for price in scene.items[line].prices]


def _buy_get(promotion: Json, scene: Scene, lines: Sequence[int]) -> int:
    """Try every choice of free units, for as many sets as there can be."""
    gettable = scene.counting(promotion.get("get_lines", promotion.get("lines")))
    buy, get = promotion["buy"], promotion["get"]
    units = _units(scene, sorted({*lines, *gettable}))
    bought = [number for number, (line, _) in enumerate(units) if line in lines]
    got = [number for number, (line, _) in enumerate(units) if line in gettable]
    sums: list[int] = []
    for sets in range(min(promotion.get("times", len(units)), len(units)), 0, -1):
        sums = [
            sum(units[number][1] for number in free)
            for free in combinations(got, get * sets)
            if len(set(bought) - set(free)) >= buy * sets
        ]
        if sums:
            break
    picked = (max if promotion.get("pick") == "dearest" else min)(sums, default=0)
    return half_up(Fraction(picked * promotion.get("percent", 100), 100))


def _bundle(promotion: Json, scene: Scene, lines: Sequence[int]) -> int:
    """Try every number of bundles with every choice of units."""
    price, left = promotion["prices"].get(scene.currency), list(lines)
    if price is None:
        return 0
    parts: list[tuple[int, list[int]]] = []
    for part in promotion["parts"]:
        picked = [line for line in left if line in scene.counting(part.get("lines"))]
        left = [line for line in left if line not in picked]
        parts.append((part["quantity"], [cost for _, cost in _units(scene, picked)]))
    saved = [
        sum(part) - price * bundles
        for bundles in range(1, promotion.get("times", 99) + 1)
        if all(len(costs) >= quantity * bundles for quantity, costs in parts)
        for part in _choices(parts, bundles)
    ]
    return max(0, max(saved, default=0))


def _choices(parts: Sequence[tuple[int, list[int]]], bundles: int) -> Iterator[list[int]]:
    if not parts:
        yield []
        return
    quantity, costs = parts[0]
    sums = {sum(chosen) for chosen in combinations(costs, quantity * bundles)}
    for rest in _choices(parts[1:], bundles):
        for total in sums:
            yield [total, *rest]


OFF = {
    "percent_off_lines": _percent,
    "percent_off": _percent,
    "amount_off": _amount,
    "off_per_unit": _per_unit,
    "fixed_price": _fixed,
    "threshold_off": _threshold,
    "every_amount_off": _every,
    "quantity_ladder": _quantity,
    "free_shipping": _shipping,
    "buy_x_get_y": _buy_get,
    "bundle": _bundle,
}
STAGES = {
    **dict.fromkeys(
        ("percent_off_lines", "off_per_unit", "fixed_price", "quantity_ladder", "buy_x_get_y", "bundle"), 1
    ),
    **dict.fromkeys(("percent_off", "amount_off", "threshold_off", "every_amount_off"), 2),
    "free_shipping": 4,
}


def stage_of(promotion: Json) -> int:
    """Return the number of the stage of a promotion."""
    return 3 if promotion.get("base") == "after" else STAGES[promotion["kind"]]
