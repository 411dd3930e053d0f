"""Random promotions and carts."""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from datetime import UTC, datetime

from services.loyalty.earning.domain import checks, compiling
from services.loyalty.earning.domain.cart import Cart
from services.loyalty.earning.domain.document import RulebookDocument
from services.loyalty.promotions.domain import serving
from services.loyalty.promotions.domain.serving import Served
from services.loyalty.purchases.domain.facts import Line
from tests.loyalty.promotions.domain.promotion_oracle import OFF, Item, Json

START = datetime(2026, 3, 1, tzinfo=UTC)
CURRENCIES = ("JPY", "CNY", "KWD")
"""Currencies of 0, 2 and 3 digits."""
SCALE = {"JPY": 1, "CNY": 100, "KWD": 1_000}


def amounts(rng: random.Random, least: int, most: int) -> Json:
    """Return amounts of most currencies, some of which are no whole units."""
    return {
        currency: max(1, rng.randint(least, most) * SCALE[currency] - rng.choice((0, 0, 1)))
        for currency in rng.sample(CURRENCIES, 3 if rng.random() < 0.9 else 2)
    }


def lines(rng: random.Random) -> Json:
    """Return a condition on lines."""
    fact, value = rng.choice(
        (("line.sku", "a"), ("line.sku", "b"), ("line.category", "tea"), ("line.category", "cup"))
    )
    return {"op": rng.choice(("eq", "eq", "ne")), "fact": fact, "value": value}


def promotion(rng: random.Random, code: str, kind: str | None = None) -> Json:
    """Return a promotion."""
    kind = kind or rng.choice(list(OFF))
    drawn: Json = {"code": code, "kind": kind, "priority": rng.choice((0, 0, 5))}
    if rng.random() < 0.5:
        drawn["lines"] = lines(rng)
    if rng.random() < 0.2:
        drawn["at_most"] = amounts(rng, 1, 20)
    if rng.random() < 0.2:
        drawn["when"] = rng.choice(
            (
                {"op": "ge", "fact": "order.quantity", "value": rng.randint(1, 5)},
                {"op": "ge", "fact": "order.amount", "value": amounts(rng, 1, 40)},
            )
        )
    return drawn | _own(rng, kind)


def _own(rng: random.Random, kind: str) -> Json:
    own: Json = {}
    match kind:
        case "percent_off_lines" | "percent_off":
            own = {"percent": rng.choice((1, 10, 33, 50, 100, rng.randint(1, 100)))}
        case "amount_off" | "off_per_unit":
            own = {"amounts": amounts(rng, 0, 15)}
        case "fixed_price":
            own = {"prices": amounts(rng, 0, 10)}
        case "threshold_off":
            low, high = sorted(rng.sample(range(1, 40), 2))
            step = [{c: SCALE[c] * n for c in CURRENCIES} for n in (low, high, low // 3 + 1, high // 3 + 2)]
            own = {
                "base": rng.choice(("list", "before", "after")),
                "steps": [{"reaches": step[0], "off": step[2]}, {"reaches": step[1], "off": step[3]}],
            }
        case "every_amount_off":
            every, takes = rng.randint(1, 12), rng.randint(1, 4)
            drawn: Json = {
                "every": {c: SCALE[c] * every for c in CURRENCIES}, "takes": {c: SCALE[c] * takes for c in CURRENCIES},
            }  # fmt: skip
            own = drawn | {"base": rng.choice(("list", "before", "after"))} | _times(rng)
        case "quantity_ladder":
            low = rng.randint(1, 3)
            own = {"steps": [{"quantity": low, "percent": 15}, {"quantity": low + 2, "percent": 33}]}
        case "buy_x_get_y":
            drawn = {
                "buy": rng.randint(1, 3),
                "get": rng.randint(1, 2),
                "pick": rng.choice(("cheapest", "dearest")),
            }
            if rng.random() < 0.5:
                drawn["get_lines"] = lines(rng)
            own = drawn | ({} if rng.random() < 0.6 else {"percent": rng.randint(1, 99)}) | _times(rng)
        case "bundle":
            parts: list[Json] = [{"quantity": rng.randint(1, 2)} for _ in range(rng.randint(1, 2))]
            for part in parts:
                if rng.random() < 0.6:
                    part["lines"] = lines(rng)
            own = {"parts": parts, "prices": amounts(rng, 1, 20)} | _times(rng)
    return own


def _times(rng: random.Random) -> Json:
    return {"times": rng.randint(1, 2)} if rng.random() < 0.4 else {}


def cart(rng: random.Random, currency: str, *, units_max: int = 7) -> list[Item]:
    """Return a cart of a few units."""
    items: list[Item] = []
    while not items or (sum(item.quantity for item in items) < units_max and rng.random() < 0.7):
        left = units_max - sum(item.quantity for item in items)
        quantity = rng.randint(1, min(3, left))
        amount = rng.choice(
            (0, 1, 7, rng.randint(0, 30) * SCALE[currency], rng.randint(0, 20 * SCALE[currency]))
        )
        items.append(Item(rng.choice("abc"), rng.choice(("tea", "cup", None)), quantity, amount))
    return items


def cart_of(items: Sequence[Item], currency: str) -> Cart:
    """Return a cart as the product looks at it."""
    booked = [Line(item.quantity, item.amount, item.sku, item.category) for item in items]
    return Cart(currency=currency, occurred_at=START, lines=booked, member=None)


def serve(promotions: Sequence[Json], items: Sequence[Item], currency: str, shipping: int) -> Served:
    """Return what the product takes off a cart."""
    document = RulebookDocument.model_validate_json(json.dumps({"rules": [], "promotions": list(promotions)}))
    assert checks.faults(document) == []
    return serving.serve(compiling.compiled(document).promotions, cart_of(items, currency), shipping)
