"""The worked examples of docs/rules/promotions.md: what the page says is what the product takes off."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from services.loyalty.promotions.domain.discounts import GiftLine, net_amounts
from services.loyalty.purchases.domain import attribution
from services.loyalty.purchases.domain.facts import Line, UnitRange
from tests.loyalty.promotions.domain.promotion_oracle import Item, Json
from tests.loyalty.promotions.domain.promotion_worlds import serve

PAGE = (Path(__file__).parents[4] / "docs" / "rules" / "promotions.md").read_text()
PROMOTIONS: dict[str, Json] = {
    promotion["code"]: promotion
    for promotion in map(json.loads, re.findall(r"^`(\{.*\})`$", PAGE, re.MULTILINE))
}
SHARED: Json = {"code": "ten", "kind": "percent_off", "percent": 10}
SALE: Json = {"code": "sale", "kind": "fixed_price", "prices": {"CNY": 990}}


def items(*amounts: int, quantity: int = 1, category: str | None = None) -> list[Item]:
    """Return lines of different articles that cost these amounts."""
    return [Item(f"A{number}", category, quantity, amount) for number, amount in enumerate(amounts)]


CUPS = [Item("CUP", "cup", 3, 3_600)]
EXAMPLES: list[tuple[Json, list[Item], list[int], str]] = [
    (SHARED, items(33, 33, 34), [3, 3, 4], "So 0.03, 0.03 and 0.04 go off."),
    (PROMOTIONS["from_300"], items(30_000), [3_000], "A cart for 300.00 costs 270.00"),
    (PROMOTIONS["from_300"], items(52_000), [6_000], "one for 520.00 costs 460.00"),
    (PROMOTIONS["from_300"], items(20_000, 10_000), [2_000, 1_000], "20.00 goes off the tea, 10.00 off the cups"),
    (PROMOTIONS["every_100"], items(25_000), [2_000], "20.00 off"),
    (PROMOTIONS["every_100"], items(99_000), [3_000], "30.00 off"),
    (PROMOTIONS["tea_15"], [*items(9_990, category="tea"), Item("CUP", None, 1, 5_000)], [1_499, 0], "14.99 goes off the tea"),
    (PROMOTIONS["minus_5"], CUPS, [1_500], "15.00 together"),
    (SALE, CUPS, [630], "so 6.30 goes off"),
    (PROMOTIONS["more_cups"], items(8_000, quantity=2), [800], "Two units for 80.00 cost 72.00"),
    (PROMOTIONS["more_cups"], items(12_000, quantity=3), [2_400], "three for 120.00 cost 96.00"),
    (PROMOTIONS["three_cups"], items(1_000, 2_000, 3_000, category="cup"), [1_000, 0, 0], "the one for 10.00 is free"),
    (PROMOTIONS["three_cups"], items(6_000, quantity=6, category="cup"), [2_000], "With six cups, two are free"),
    (PROMOTIONS["three_cups"], items(5_000, quantity=5, category="cup"), [1_000], "with five, one"),
    (PROMOTIONS["any_3"], items(5_000, 4_000, 3_000, 2_000), [875, 700, 525, 0], "so 21.00 goes off"),
]  # fmt: skip


@pytest.mark.parametrize(("promotion", "cart", "off", "said"), EXAMPLES, ids=[said for *_, said in EXAMPLES])
def test_an_example_of_the_page_is_right(
    promotion: Json, cart: list[Item], off: list[int], said: str
) -> None:
    served = serve([promotion], cart, "CNY", 0)

    assert [list(discount.lines) for discount in served.discounts] == [off]
    assert said in PAGE


def test_what_is_missing_and_free_shipping_are_as_the_page_says() -> None:
    (refused,) = serve([PROMOTIONS["from_300"]], items(29_999), "CNY", 0).refused
    (shipping,) = serve([PROMOTIONS["free_from_99"]], items(9_900), "CNY", 1_200).discounts

    assert (refused.missing, shipping.shipping) == (1, 1_000)
    assert "`missing` says 1." in PAGE
    assert "10.00 goes off the shipping, 2.00 is left" in PAGE


def test_a_gift_comes_as_the_page_says() -> None:
    promotions = [PROMOTIONS["from_300"], PROMOTIONS["spoon"]]
    served = serve(promotions, items(30_000), "CNY", 0)

    assert [discount.gift for discount in served.discounts] == [None, GiftLine("SPOON", 1)]
    assert served.total == 3_000
    assert "a cart for 300.00 costs 270.00, and comes with a spoon" in PAGE


def test_a_return_gives_back_what_the_page_says() -> None:
    lines = [Line(1, 20_000, "A0"), Line(1, 10_000, "A1")]
    served = serve([PROMOTIONS["from_300"]], items(20_000, 10_000), "CNY", 0)
    net = [Line(1, amount) for amount in net_amounts(lines, served.discounts)]
    pair = [Line(2, 1_000)]

    assert [attribution.amount_of(net, UnitRange(line, 1, 1)) for line in (1, 2)] == [18_000, 9_000]
    assert [attribution.amount_of(pair, UnitRange(1, unit, unit)) for unit in (1, 2)] == [500, 500]
    for said in (
        "90.00 is refunded, and the tea still costs 180.00",
        "are worth 5.00 each",
        "退 90.00，茶叶仍为 180.00",
    ):
        assert said in PAGE


def test_every_kind_has_an_example() -> None:
    from services.loyalty.earning.domain.promotions import promotion_of_kind

    assert [kind for kind in promotion_of_kind if f"`{kind}`" not in PAGE] == []
