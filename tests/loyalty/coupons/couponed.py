"""A shop whose rules have promotions that need coupons, and the coupons of the tests."""

from __future__ import annotations

from typing import Any

from shared.jobs.working import work_on_all
from tests.loyalty.checkout.api.test_holds import post
from tests.loyalty.earning.domain.rule_oracle import Json
from tests.loyalty.earning.ruled import put_rules
from tests.loyalty.shop import START, Shop, bought, customer

BASE: Json = {"code": "base", "kind": "points_per_amount", "rates": {"CNY": 1}}
TEN_OFF: Json = {"code": "ten_off", "kind": "percent_off", "percent": 10, "needs": "coupon"}
FIVE_OFF: Json = {"code": "five_off", "kind": "amount_off", "amounts": {"CNY": 500}, "needs": "coupon"}
LINES = [
    {"sku": "TEA", "quantity": 2, "amount_minor": 8_000},
    {"sku": "CUP", "quantity": 1, "amount_minor": 2_000},
]
SPRING: Json = {
    "name_en": "Spring", "name_zh": "春季", "kind": "generic", "text": "SPRING-10", "promotions": ["ten_off"],
    "refused_en": "Come back next spring.", "refused_zh": "明年春天再来。",
}  # fmt: skip
WELCOME: Json = {"name_en": "Welcome", "name_zh": "欢迎", "kind": "unique", "promotions": ["five_off"]}


async def open_coupons(shop: Shop) -> str:
    """Publish two promotions that need coupons, and return a member with 100 points."""
    await put_rules(shop, {"rules": [BASE], "promotions": [TEN_OFF, FIVE_OFF]})
    return await member_of(shop)


async def member_of(shop: Shop) -> str:
    member = customer()
    await shop.tell(bought(member, [(1, 10_000)], START))
    return member


async def save(shop: Shop, code: str, document: Json, **fields: Any) -> Json:
    """Save a coupon, and return it."""
    answer = await shop.operator("admin").put(f"/v1/coupons/{code}", json={"document": document | fields})
    assert answer.status_code == 200, answer.text
    saved: Json = answer.json()
    return saved


async def uses(shop: Shop, code: str) -> tuple[int, int]:
    """Return how often the codes of a coupon are used and held."""
    found = (await shop.operator().get(f"/v1/coupons/{code}")).json()["uses"]
    return found["used"], found["held"]


async def work(shop: Shop) -> None:
    """Do all jobs."""
    await work_on_all(shop.runtime, {kind.operation: kind for kind in shop.service.job_kinds})


async def made(shop: Shop, coupon: str, size: int, **span: Any) -> list[str]:
    """Make codes of a unique coupon, and return them as the file has them."""
    client = shop.operator("admin")
    begun = await post(client, f"/v1/coupons/{coupon}/batches", {"size": size, **span})
    assert begun.status_code == 202, begun.text
    await work(shop)
    batches = (await client.get(f"/v1/coupons/{coupon}/batches?sort=-created_at")).json()["items"]
    (batch,) = [batch for batch in batches if batch["job_id"] == begun.json()["id"]]
    return await downloaded(shop, batch["id"])


async def downloaded(shop: Shop, batch_id: str) -> list[str]:
    """Return the codes of a batch as its file has them."""
    answer = await shop.operator("admin").get(f"/v1/coupon-batches/{batch_id}/codes")
    assert answer.status_code == 200, answer.text
    header, *codes = answer.text.split()
    assert header == "code"
    return codes


def cart(member: str | None, *codes: str, **more: Any) -> Json:
    """A cart of 100.00 with codes, without points."""
    return {
        "customer_id": member,
        "currency": "CNY",
        "lines": LINES,
        "points": 0,
        "codes": list(codes),
    } | more


async def quoted(shop: Shop, body: Json) -> Json:
    answer = await shop.operator().post("/v1/quotes", json=body)
    assert answer.status_code == 200, answer.text
    found: Json = answer.json()
    return found


async def hold(shop: Shop, body: Json) -> Json:
    answer = await post(shop.operator(), "/v1/holds", body)
    assert answer.status_code == 201, answer.text
    held: Json = answer.json()
    return held


async def why_not(shop: Shop, body: Json) -> list[str]:
    """Return the reasons for which a hold is refused."""
    answer = await post(shop.operator(), "/v1/holds", body)
    assert (answer.status_code, answer.json()["code"]) == (409, "code_refused"), answer.text
    return [code["reason"] for code in answer.json()["codes"]]
