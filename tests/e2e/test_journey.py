"""One customer's way through the product, by HTTP alone, the same on every stack."""

import uuid
from datetime import UTC, datetime
from urllib.parse import quote

import pytest

from tests.e2e.shop import WAIT_SECONDS_MAX, Body, Shop
from tests.parts import waiting

pytestmark = pytest.mark.timeout(400)


async def test_a_customer_buys_redeems_brings_back_complains_and_is_scored(shop: Shop) -> None:
    order_id = f"O-{uuid.uuid4().hex[:12]}"
    person = {"external_id": f"C-{order_id}", "email": f"{order_id}@example.com", "name": "Ana Li"}
    customer_id: str = (await shop.post(shop.profile, "/v1/customers", person))["id"]

    await _they_buy_and_rise_to_silver(shop, customer_id, order_id)
    await _they_spend_points_but_not_more_than_they_have(shop, customer_id)
    await _a_return_takes_back_what_it_earned_and_the_tier(shop, customer_id, order_id)
    complaint_id = await _they_complain_about_the_order(shop, customer_id, order_id)
    await _a_remedy_is_paid_once_and_settled(shop, customer_id, complaint_id)
    await _their_statement_has_everything_and_is_theirs_alone(shop, customer_id)
    await _they_are_scored_by_what_they_kept(shop, customer_id)


async def test_a_shop_names_its_customers_by_its_own_ids_in_every_service(shop: Shop) -> None:
    account, card = (f"{kind}-{uuid.uuid4().hex[:12]}" for kind in ("C", "gid://shop"))
    customer_id: str = (await shop.post(shop.profile, "/v1/customers", {"external_id": account}))["id"]
    by_account = f"ext:{account}"
    await shop.comes_to(
        shop.loyalty, f"/v1/members/{by_account}", lambda it: it["customer_id"] == customer_id
    )

    attached = {"id": customer_id, "external_id": card}
    await shop.profile.post("/v1/customers", json=attached, headers=shop.admin)
    by_card = "ext:" + quote(card, safe="")
    for client, path in (
        (shop.loyalty, f"/v1/members/{by_card}"),
        (shop.scoring, f"/v1/customers/{by_card}/scores"),
    ):
        await shop.comes_to(client, path, lambda it: it["customer_id"] == customer_id)

    adjusted = await shop.post(
        shop.loyalty, f"/v1/members/{by_card}/adjustments", {"points": 7, "reason": "A welcome"}
    )
    assert adjusted["customer_id"] == customer_id
    filtered = f"/v1/complaints?customer_id={by_card}"
    told = {"customer": {"id": f"ext:{card}"}, "channel": "web", "title": "Late", "body": "It came late."}
    await shop.comes_to(shop.feedback, filtered, lambda it: it["items"] == [])
    await waiting.until(
        lambda: _is_taken(shop, told), seconds_max=WAIT_SECONDS_MAX, what="feedback knows the card"
    )
    (complaint,) = (await shop.get(shop.feedback, filtered))["items"]
    assert complaint["customer_id"] == customer_id


async def _is_taken(shop: Shop, complaint: Body) -> bool:
    """Whether a complaint is taken; the customer may be unknown for a moment."""
    headers = {**shop.admin, "Idempotency-Key": uuid.uuid4().hex}
    answer = await shop.feedback.post("/v1/complaints", json=complaint, headers=headers)
    assert answer.is_success or answer.json()["code"] == "unknown_customer", answer.text
    return answer.is_success


async def _they_buy_and_rise_to_silver(shop: Shop, customer_id: str, order_id: str) -> None:
    order = {
        "source": "web",
        "order_id": order_id,
        "purchased_at": _now(),
        "customer": {"external_id": f"C-{order_id}"},
        "currency": "CNY",
        "lines": [
            {"sku": "KETTLE", "quantity": 3, "amount_minor": 100_000, "category": "kitchen"},
            {"sku": "TEA-1", "quantity": 1, "amount_minor": 23_456, "category": "tea"},
        ],
    }
    purchase = await shop.post(shop.profile, "/v1/purchases", order)

    assert (purchase["customer_id"], purchase["amount_minor"]) == (customer_id, 123_456)
    member = await _points_come_to(shop, customer_id, 1_234, "silver")
    assert member["points"] == {"active": 1_234, "pending": 0, "held": 0}


async def _they_spend_points_but_not_more_than_they_have(shop: Shop, customer_id: str) -> None:
    path = f"/v1/members/{customer_id}/redemptions"

    redeemed = await shop.post(shop.loyalty, path, {"points": 200, "reference": "A mug"})
    greedy = await shop.refused(shop.loyalty, path, {"points": 1_035}, shop.customer(customer_id))

    assert redeemed["points"]["active"] == 1_034
    assert greedy == (409, "insufficient_points")


async def _a_return_takes_back_what_it_earned_and_the_tier(
    shop: Shop, customer_id: str, order_id: str
) -> None:
    told = {
        "source": "web",
        "return_id": f"R-{order_id}",
        "order_id": order_id,
        "returned_at": _now(),
        "lines": [{"line": 1, "quantity": 1}],
    }
    returned = await shop.post(shop.profile, "/v1/returns", told)

    # The third of three kettles: 1000.00 − 666.66, and the points 667 to 999 of the 1,234.
    assert returned["amount_minor"] == 33_334
    member = await _points_come_to(shop, customer_id, 1_034 - 333, "member")
    assert member["tier"]["spend_minor"] == 123_456 - 33_334


async def _they_complain_about_the_order(shop: Shop, customer_id: str, order_id: str) -> str:
    told = {
        "customer": {"id": customer_id},
        "channel": "web",
        "title": "The kettle leaks",
        "body": "It dripped from the first day on.",
        "order": {"source": "web", "order_id": order_id},
    }
    complaint = await shop.post(shop.feedback, "/v1/complaints", told)

    assert complaint["clocks"], "a clock of the first response runs"
    path = f"/v1/complaints/{complaint['id']}"
    seen = await shop.comes_to(shop.feedback, path, lambda it: bool(it["order"]["returns"]))
    assert (seen["order"]["state"], seen["order"]["amount_minor"]) == ("known", 123_456)
    return str(complaint["id"])


async def _a_remedy_is_paid_once_and_settled(shop: Shop, customer_id: str, complaint_id: str) -> None:
    path = f"/v1/complaints/{complaint_id}"
    granted = await shop.post(
        shop.feedback, f"{path}/remedies", {"kind": "points", "points": 100, "reason": "The leak"}
    )

    seen = await shop.comes_to(
        shop.feedback, path, lambda it: [remedy["status"] for remedy in it["remedies"]] == ["settled"]
    )

    assert [remedy["id"] for remedy in seen["remedies"]] == [granted["id"]]
    await _points_come_to(shop, customer_id, 701 + 100, "member")


async def _their_statement_has_everything_and_is_theirs_alone(shop: Shop, customer_id: str) -> None:
    path = f"/v1/members/{customer_id}"

    own = await shop.loyalty.get(f"{path}/ledger", headers=shop.customer(customer_id))
    strangers = await shop.loyalty.get(path, headers=shop.customer("cus_00000000000000000000000000"))

    kinds = {fact["kind"] for fact in own.json()["items"]}
    assert kinds >= {"purchase", "redemption", "return", "remedy"}
    assert strangers.status_code in (403, 404)


async def _they_are_scored_by_what_they_kept(shop: Shop, customer_id: str) -> None:
    scores = await shop.comes_to(
        shop.scoring,
        f"/v1/customers/{customer_id}/scores",
        lambda it: it["n"] == 1 and it["rfm"]["monetary_minor"] == 123_456 - 33_334,
    )

    assert (scores["rfm"]["frequency"], scores["rfm"]["recency_days"]) == (1, 0)
    assert scores["rfm"]["segment"]
    assert scores["bg_nbd"]["x"] == 0


async def _points_come_to(shop: Shop, customer_id: str, active: int, tier: str) -> Body:
    return await shop.comes_to(
        shop.loyalty,
        f"/v1/members/{customer_id}",
        lambda it: (it["points"]["active"], it["tier"]["code"]) == (active, tier),
    )


def _now() -> str:
    return datetime.now(UTC).replace(microsecond=0).isoformat()
