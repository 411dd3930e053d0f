"""The demo's rules: the shop's rule of every purchase, a second one that doubles the points of tea, a goal, and two promotions."""

from datetime import timedelta
from typing import Any

from huitou.client import Product
from shared.clock import SystemClock

AHEAD = timedelta(seconds=70)
"""The time until the rules are in force. Loyalty wants a minute at least."""
TEA_TWICE = "tea_twice"
EVERY_FIFTH = "every_fifth"
FROM_30, THREE_TEAS = "from_30", "three_teas"
TEAS = ("TEAS", "DRY TEA/COFFEE/COCO MIX")
"""The categories of the baskets' tea."""
BANNER_SKU = "tea"
"""The article that is bought by the command that `huitou up` prints."""


def publish(product: Product, currency: str) -> None:
    """Publish the demo's rules, unless the shop has a second rulebook.

    A year of baskets lies before them, so what they earn is what they earned when they were bought. Purchases from now on earn by
    the new rules.
    """
    listed = product.call("loyalty", "GET", "/v1/rulebooks", query={"limit": 1})["items"]
    if listed and listed[0]["version"] > 1:
        return
    begins = SystemClock().now() + AHEAD
    body = {"in_force_from": begins.isoformat(), "document": document(currency)}
    product.call("loyalty", "POST", "/v1/rulebooks", json=body, key=f"demo-rules-{begins.isoformat()}")


def document(currency: str) -> dict[str, Any]:
    """Return the document of the demo's rules for a shop that counts in a currency."""
    is_tea = {
        "op": "any",
        "of": [
            {"op": "in", "fact": "line.category", "values": [*TEAS]},
            {"op": "eq", "fact": "line.sku", "value": BANNER_SKU},
        ],
    }
    return {
        "rules": [
            {"code": "base", "kind": "points_per_amount", "rates": {currency: 1}},
            {"code": TEA_TWICE, "kind": "multiplier", "of": "base", "percent": 200, "lines": is_tea},
        ],
        "goals": [{"code": EVERY_FIFTH, "measure": "purchases", "target": 5, "points": 50}],
        "promotions": [
            {
                "code": FROM_30,
                "kind": "threshold_off",
                "steps": [
                    {"reaches": {currency: 3_000}, "off": {currency: 300}},
                    {"reaches": {currency: 5_000}, "off": {currency: 600}},
                ],
            },
            {"code": THREE_TEAS, "kind": "buy_x_get_y", "buy": 2, "get": 1, "lines": is_tea},
        ],
    }
