"""Amounts have limits such that every sum that the product forms stays exact."""

from typing import Any

import pytest

from shared.limits import CUSTOMER_AMOUNT_MAX, LINE_AMOUNT_MAX, ORDER_AMOUNT_MAX
from tests.profile.running import Profile, purchase


def lines(*amounts: int) -> list[dict[str, Any]]:
    """Return lines with these amounts."""
    return [{"sku": "GOLD", "quantity": 1, "amount_minor": amount} for amount in amounts]


async def test_a_line_has_a_limit(profile: Profile) -> None:
    client = profile.operator()
    assert (
        await client.post("/v1/purchases", json=purchase(lines=lines(LINE_AMOUNT_MAX)))
    ).status_code == 201
    answer = await client.post("/v1/purchases", json=purchase("2", lines=lines(LINE_AMOUNT_MAX + 1)))
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, "/lines/0/amount_minor")


async def test_the_lines_of_an_order_have_a_limit_together(profile: Profile) -> None:
    client = profile.operator()
    most = lines(*[LINE_AMOUNT_MAX] * (ORDER_AMOUNT_MAX // LINE_AMOUNT_MAX))
    assert (await client.post("/v1/purchases", json=purchase(lines=most))).status_code == 201
    answer = await client.post("/v1/purchases", json=purchase("2", lines=[*most, *lines(1)]))
    assert (answer.status_code, answer.json()["code"]) == (422, "order_too_large")
    assert str(ORDER_AMOUNT_MAX) in answer.json()["detail"]
    chinese = await client.post(
        "/v1/purchases", json=purchase("2", lines=[*most, *lines(1)]), headers={"accept-language": "zh"}
    )
    assert "最小货币单位" in chinese.json()["detail"]


@pytest.mark.both_databases
async def test_the_large_orders_of_a_customer_have_a_limit_together(profile: Profile) -> None:
    client = profile.operator()
    most = lines(*[LINE_AMOUNT_MAX] * (ORDER_AMOUNT_MAX // LINE_AMOUNT_MAX))
    orders = CUSTOMER_AMOUNT_MAX // ORDER_AMOUNT_MAX
    batch = {"items": [purchase(f"{number}", lines=most) for number in range(orders + 1)]}
    answer = (await client.post("/v1/purchases:batch", json=batch)).json()
    assert [item["status"] for item in answer["items"]] == [201] * orders + [422]
    assert answer["items"][-1]["problem"]["code"] == "customer_total_too_large"
    alone = await client.post("/v1/purchases", json=purchase("alone", lines=most))
    assert (alone.status_code, alone.json()["code"]) == (422, "customer_total_too_large")
    somebody = purchase("somebody", lines=most, customer={"external_id": "C-2"})
    assert (await client.post("/v1/purchases", json=somebody)).status_code == 201
    again = await client.post("/v1/purchases", json=batch["items"][0])
    assert again.json() == answer["items"][0]["purchase"]
    assert (await client.post("/v1/purchases", json=purchase("small", lines=lines(100)))).status_code == 201
