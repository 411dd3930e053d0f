"""The worked examples of docs/rules/earning.md: what the page says of its goals is what they grant."""

from __future__ import annotations

import json
import re
from datetime import timedelta
from pathlib import Path

from tests.loyalty.earning.domain.rule_oracle import Json
from tests.loyalty.earning.ruled import order, put_rules
from tests.loyalty.shop import START, Shop, customer, returned

PAGE = (Path(__file__).parents[4] / "docs" / "rules" / "earning.md").read_text()
GOALS: dict[str, Json] = {
    goal["code"]: goal for goal in map(json.loads, re.findall(r'`({"code": "[a-z_]+", "measure".*?})`', PAGE))
}
NOTHING: Json = {"code": "none", "kind": "fixed_bonus", "points": 1, "when": {"op": "eq", "fact": "order.channel", "value": "no"}}  # fmt: skip
DAY = timedelta(days=1)


async def test_every_fifth_purchase(shop: Shop) -> None:
    await put_rules(shop, {"rules": [NOTHING], "goals": [GOALS["every_fifth"]]})
    buyer = customer()
    bought = [order(buyer, [(1, 100)], START + number * DAY) for number in range(12)]

    points = []
    await shop.tell(*bought[:11])
    points.append(await shop.active(buyer))
    for fact in (returned(bought[0], [(1, 1, 1)]), returned(bought[7], [(1, 1, 1)]), bought[11]):
        await shop.tell(fact)
        points.append(await shop.active(buyer))

    assert points == [100, 100, 50, 100]
    for said in ("⌊11 / 5⌋ = 2 times: 100 points", "得 100 积分", "扣回最后的 50 积分"):
        assert said in PAGE


async def test_the_first_purchase(shop: Shop) -> None:
    await put_rules(shop, {"rules": [NOTHING], "goals": [GOALS["first"]]})
    buyer = customer()
    first, second = (order(buyer, [(1, 100)], START + number * DAY) for number in range(2))

    points = []
    for fact in (first, returned(first, [(1, 1, 1)]), second):
        await shop.tell(fact)
        points.append(await shop.active(buyer))

    assert points == [100, 0, 100]


async def test_a_challenge(shop: Shop) -> None:
    await put_rules(shop, {"rules": [NOTHING], "goals": [GOALS["spring"]]})
    buyer = customer()
    bought = order(buyer, [(1, 15_000), (1, 55_000)])

    await shop.tell(bought)
    assert await shop.active(buyer) == 80
    await shop.tell(returned(bought, [(1, 1, 1)]))

    assert await shop.active(buyer) == 40
    assert "⌊550 / 300⌋ = 1, 40 points are taken" in PAGE
    assert "⌊550 / 300⌋ = 1 次，扣回 40 积分" in PAGE
