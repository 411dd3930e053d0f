"""The demo's coupon: a code for everybody that takes ten percent off."""

from typing import Any, Final

from huitou.client import Product
from huitou.demo.rules import SPRING_10

SPRING: Final = "spring"
DOCUMENT: Final[dict[str, Any]] = {
    "name_en": "Ten percent off in spring",
    "name_zh": "春季九折",
    "kind": "generic",
    "text": "SPRING10",
    "promotions": [SPRING_10],
    "limits": {"uses": 1_000, "member": {"uses": 3}},
    "refused_en": "This code is not valid any more. Ask us for another one.",
    "refused_zh": "此优惠码已失效，请向我们索取新的优惠码。",
}


def publish(product: Product) -> None:
    """Save the demo's coupon, unless the shop has some."""
    if not product.call("loyalty", "GET", "/v1/coupons", query={"limit": 1})["items"]:
        product.call("loyalty", "PUT", f"/v1/coupons/{SPRING}", json={"document": DOCUMENT})
