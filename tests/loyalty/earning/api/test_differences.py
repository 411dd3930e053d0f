"""The difference between two rulebooks in sentences."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from tests.loyalty.earning.domain.rule_oracle import Json
from tests.loyalty.earning.ruled import put_rules
from tests.loyalty.shop import START, Shop

BASE: Json = {"code": "base", "kind": "points_per_amount", "rates": {"CNY": 1}}
BONUS: Json = {"code": "bonus", "kind": "fixed_bonus", "points": 5}


async def changes(shop: Shop, path: str, spoken: str = "en") -> list[str]:
    answer = await shop.operator().get(f"/v1/rulebooks/{path}", headers={"Accept-Language": spoken})
    assert answer.status_code == 200, answer.text
    items: list[dict[str, Any]] = answer.json()["items"]
    return [item["detail"] for item in items]


async def test_what_is_new_gone_and_changed_is_said_in_both_languages(shop: Shop) -> None:
    cap = {"code": "daily", "period": "day", "limit": 10}
    await put_rules(shop, {"rules": [BASE, BONUS]})
    later = [{**BASE, "rates": {"CNY": 2}, "cap": "daily"}, {**BONUS, "code": "thanks"}]
    await put_rules(shop, {"rules": later, "caps": [cap]}, version=2, begins=START + timedelta(days=1))

    assert await changes(shop, "rules_2/changes") == [
        'Rule base: cap was – and is "daily".',
        'Rule base: rates was {"CNY": 1} and is {"CNY": 2}.',
        "Rule bonus is gone.",
        'Rule thanks is new: {"code": "thanks", "kind": "fixed_bonus", "points": 5, "priority": 0}.',
        'Cap daily is new: {"code": "daily", "limit": 10, "period": "day"}.',
    ]
    assert (await changes(shop, "rules_2/changes", "zh"))[
        1
    ] == '规则 base：rates 由 {"CNY": 1} 改为 {"CNY": 2}。'


async def test_any_two_are_compared_and_the_first_is_new_as_a_whole(shop: Shop) -> None:
    await put_rules(shop, {"rules": [BASE]})
    await put_rules(shop, {"rules": [BONUS, BASE]}, version=2, begins=START + timedelta(days=1))

    assert await changes(shop, "rules_1/changes?compared_with=rules_2") == ["Rule bonus is gone."]
    assert await changes(shop, "rules_2/changes?compared_with=rules_2") == []
    (first,) = await changes(shop, "rules_1/changes")
    assert first.startswith("Rule base is new")
    for path in (
        "rules_9/changes",
        "rules_1/changes?compared_with=rules_9",
        "rules_1/changes?compared_with=x",
    ):
        answer = await shop.operator().get(f"/v1/rulebooks/{path}")
        assert (answer.status_code, answer.json()["code"]) == (404, "rulebook_not_found")
