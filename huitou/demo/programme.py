"""The demo's programme: the shop's first promises, and a second version with another tier, a worth of points, an expiry and limits of gifts."""

from typing import Any

from huitou.client import Product
from huitou.demo.rules import AHEAD
from shared.clock import SystemClock

SILVER_FROM, PLATINUM_FROM = 600, 8_000
"""Spends of a year, in whole units. Some of the demo's customers reach each of them."""


def publish(product: Product) -> None:
    """Publish the demo's second version of the programme, unless the shop has one.

    The year of baskets lies before it: whoever reaches a tier by it has that tier from its instant on.
    """
    programme = product.call("loyalty", "GET", "/v1/programme")
    if programme["version"] > 1 or programme["upcoming"]:
        return
    begins = SystemClock().now() + AHEAD
    body = {"in_force_from": begins.isoformat(), "document": document(programme["document"])}
    product.call(
        "loyalty", "POST", "/v1/programme/versions", json=body, key=f"demo-programme-{begins.isoformat()}"
    )


def document(former: dict[str, Any]) -> dict[str, Any]:
    """Return what the demo shop promises from its second version on."""
    member, silver, gold = former["tiers"]
    platinum = {
        "code": "platinum",
        "name_en": "Platinum",
        "name_zh": "铂金卡会员",
        "from_spend": PLATINUM_FROM,
    }
    return former | {
        "tiers": [member, silver | {"from_spend": SILVER_FROM}, gold, platinum],
        "points_value": {"points": 100, "amount_minor": 100},
        "expiry": {"months": 24, "until_end_of": "year"},
        "notices": {"points_expiring_days": [30, 7]},
        "transfers": {
            "points_min": 10,
            "points_max": 1_000,
            "day_points_max": 2_000,
            "month_points_max": 5_000,
        },
    }
