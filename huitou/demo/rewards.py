"""The demo's rewards: a gift with a stock, tickets to a tasting, money off and a donation, and some customers who claimed them."""

from collections.abc import Mapping
from typing import Any, Final

from huitou.client import Product
from huitou.demo import baskets

MUG, TASTING, MONEY_OFF, TREE = "tea_mug", "tea_tasting", "ten_off", "plant_a_tree"
CATALOGUE: Final[Mapping[str, Mapping[str, Any]]] = {
    MUG: {
        "name_en": "Tea mug",
        "name_zh": "茶杯",
        "item": {"kind": "gift", "sku": "MUG-1"},
        "price": {"points": 800, "tiers": {"gold": 600}},
        "limit": {"claims": 2, "period": "year"},
        "stock": 100,
    },
    TASTING: {
        "name_en": "A seat at the tea tasting",
        "name_zh": "品茶会座位",
        "item": {"kind": "event_ticket"},
        "price": {"tiers": {"silver": 1_000, "gold": 500}},
        "limit": {"claims": 1},
        "stock": 12,
        "restocks": False,
    },
    MONEY_OFF: {
        "name_en": "10.00 off your next order",
        "name_zh": "下单立减 10.00",
        "item": {"kind": "cash_off", "amount_minor": 1_000, "currency": baskets.CURRENCY},
        "price": {"points": 1_000},
        "limit": {"claims": 1, "period": "month"},
    },
    TREE: {
        "name_en": "Plant a tree",
        "name_zh": "种一棵树",
        "item": {"kind": "donation"},
        "price": {"points": 100},
    },
}
CLAIMS: Final = (
    ("gold", MUG, "fulfil"),
    ("gold", TASTING, None),
    ("silver", TREE, "fulfil"),
    ("silver", MUG, "cancel"),
)
"""The customers of the demo's stories who claimed a reward, and what became of it."""


def publish(product: Product) -> None:
    """Save the demo's rewards, unless the shop has some."""
    if product.call("loyalty", "GET", "/v1/rewards", query={"limit": 1})["items"]:
        return
    for code, document in CATALOGUE.items():
        product.call("loyalty", "PUT", f"/v1/rewards/{code}", json={"document": document})


def claim(product: Product, customers: Mapping[str, str]) -> None:
    """Claim rewards for the customers of stories, once each, and fulfil or cancel them."""
    for name, reward, verb in CLAIMS:
        body = {"customer_id": customers[name], "reward": reward}
        claimed = product.ask(
            "loyalty", "POST", "/v1/reward-claims", json=body, key=f"demo-claim-{name}-{reward}"
        )
        if claimed.is_success and verb is not None:
            product.call("loyalty", "POST", f"/v1/reward-claims/{claimed.json()['id']}/{verb}")
        elif not claimed.is_success and claimed.json().get("code") != "key_used_before":
            raise product.refusal(claimed)
