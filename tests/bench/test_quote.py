"""How much work a quote is: 20 lines against 200 rules and 200 promotions, with the reasons of all that do not apply."""

import json
import random
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from services.loyalty.earning.domain import checks, compiling, earning, explaining
from services.loyalty.earning.domain.cart import Cart
from services.loyalty.earning.domain.compiling import CompiledRulebook
from services.loyalty.earning.domain.document import RulebookDocument
from services.loyalty.promotions.domain import serving
from services.loyalty.purchases.domain.facts import Line, MemberFacts
from tests.bench import measuring
from tests.bench.measuring import Race
from tests.conftest import SEED
from tests.loyalty.promotions.domain.promotion_worlds import promotion

RULES, PROMOTIONS, LINES, QUOTES, ROUNDS = 200, 200, 20, 20, 7
RATE_MIN = 200
"""Quotes in a second: 5 ms each."""
EXCLUSIVE = 5


def test_a_quote_of_many_promotions_is_quick() -> None:
    race = Race(
        "quotes of 200 rules and 200 promotions",
        "the same without promotions",
        unit="quotes/s",
        rate_min=RATE_MIN,
    )
    chance = random.Random(SEED)
    rules = [_rule(chance, number) for number in range(RULES)]
    full = _compiled(rules, [_promotion(chance, number) for number in range(PROMOTIONS)])
    bare = _compiled(rules, [])
    carts = [_lines(chance) for _ in range(QUOTES)]
    applied = [_quote(full, lines) for lines in carts]
    for _ in range(ROUNDS):
        with measuring.timed() as product:
            for lines in carts:
                _quote(full, lines)
        with measuring.timed() as other:
            for lines in carts:
                _quote(bare, lines)
        race.lap(QUOTES, product, other)

    assert min(applied) > 0, "promotions apply to every cart"
    measuring.conclude(race)


def _quote(book: CompiledRulebook, lines: list[Line]) -> int:
    """Do what the domain does for a quote, and return how many promotions apply."""
    facts: dict[str, Any] = {
        "currency": "CNY", "occurred_at": datetime(2026, 3, 1, tzinfo=UTC), "member": MemberFacts("gold"), "channel": "web",
    }  # fmt: skip
    served = serving.serve(book.promotions, Cart(lines=lines, **facts), 1_200)
    cart = Cart(lines=lines, **facts)
    weighed = earning.weigh(book, cart, ZoneInfo("Asia/Shanghai"), None)
    explaining.rejected_of(book, cart, weighed.answers)
    return len(served.discounts)


def _promotion(chance: random.Random, number: int) -> dict[str, Any]:
    drawn = promotion(chance, f"offer{number}")
    drawn.setdefault(
        "when", {"op": "ge", "fact": "order.amount", "value": {"CNY": chance.randint(1, 400_000)}}
    )
    return drawn | {"exclusive": number < EXCLUSIVE}


def _rule(chance: random.Random, number: int) -> dict[str, Any]:
    return {
        "code": f"rule{number}", "kind": "fixed_bonus", "points": 1,
        "when": {"op": "ge", "fact": "order.amount", "value": {"CNY": chance.randint(1, 400_000)}},
        "lines": {"op": "eq", "fact": "line.sku", "value": chance.choice("abcdefgh")},
    }  # fmt: skip


def _lines(chance: random.Random) -> list[Line]:
    return [
        Line(
            chance.randint(1, 4),
            chance.randint(100, 20_000),
            chance.choice("abcdefgh"),
            chance.choice(("tea", "cup")),
        )
        for _ in range(LINES)
    ]


def _compiled(rules: list[dict[str, Any]], promotions: list[dict[str, Any]]) -> CompiledRulebook:
    document = RulebookDocument.model_validate_json(json.dumps({"rules": rules, "promotions": promotions}))
    assert checks.faults(document) == []
    return compiling.compiled(document)
