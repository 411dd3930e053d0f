"""The demo's rules: the shop's rule of every purchase, a second one that doubles the points of tea, visits and birthdays, a goal, and three promotions, of which one needs a coupon."""

from datetime import datetime, timedelta
from typing import Any

from huitou.client import Product
from shared.clock import SystemClock

AHEAD = timedelta(seconds=70)
"""The time until the rules are in force. Loyalty wants a minute at least."""
SECOND = 2
"""The version of the demo's rules."""
TEA_TWICE = "tea_twice"
EVERY_FIFTH = "every_fifth"
FROM_30, THREE_TEAS, SPRING_10 = "from_30", "three_teas", "spring_10"
CHECK_IN, BIRTHDAY = "check_in", "birthday"
"""The kinds of activities that earn points."""
DAILY_VISITS = "daily_visits"
CHECK_IN_POINTS, VISITS_MAX, BIRTHDAY_POINTS = 5, 8, 100
"""The points of a visit, the most that a day's visits bring, and the points of a birthday."""
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


def visit(product: Product, source: str, customer_id: str) -> None:
    """Let a customer check in twice on the first day of these rules, which has a cap, and have a birthday."""
    begins = _in_force_from(product)
    for number, kind in enumerate((CHECK_IN, CHECK_IN, BIRTHDAY)):
        activity = {
            "source": source,
            "activity_id": f"demo-{kind}-{number}",
            "customer_id": customer_id,
            "kind": kind,
            "occurred_at": (begins + timedelta(seconds=number)).isoformat(),
        }
        product.call("loyalty", "POST", "/v1/activities", json=activity)


def _in_force_from(product: Product) -> datetime:
    """Return the instant from which the second rulebook is in force."""
    listed = product.call("loyalty", "GET", "/v1/rulebooks")["items"]
    (begins,) = (book["in_force_from"] for book in listed if book["version"] == SECOND)
    return datetime.fromisoformat(begins)


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
            {
                "code": CHECK_IN,
                "kind": "fixed_bonus",
                "on": f"activity:{CHECK_IN}",
                "points": CHECK_IN_POINTS,
                "cap": DAILY_VISITS,
            },
            {
                "code": BIRTHDAY,
                "kind": "fixed_bonus",
                "on": f"activity:{BIRTHDAY}",
                "points": BIRTHDAY_POINTS,
                "expires_after_months": 3,
            },
        ],
        "caps": [{"code": DAILY_VISITS, "period": "day", "limit": VISITS_MAX}],
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
            {"code": SPRING_10, "kind": "percent_off", "percent": 10, "needs": "coupon"},
        ],
    }
