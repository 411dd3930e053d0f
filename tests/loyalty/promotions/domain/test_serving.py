"""T7 and T8: discounts against an oracle that tries everything, and what holds for every cart."""

from __future__ import annotations

import random
from collections.abc import Sequence

from services.loyalty.promotions.domain.serving import Served, WhyNot
from tests.conftest import SEED
from tests.loyalty.promotions.domain import promotion_oracle as oracle
from tests.loyalty.promotions.domain.promotion_oracle import OFF, Item, Json, Scene
from tests.loyalty.promotions.domain.promotion_worlds import CURRENCIES, SCALE, cart, promotion, serve
from tests.parts.sampling import limit

BY_UNITS = ("buy_x_get_y", "bundle")
BY_LINE = ("off_per_unit", "fixed_price")


def test_each_discount_alone_is_what_trying_everything_finds() -> None:
    rng = random.Random(SEED)
    applied = dict.fromkeys(OFF, 0)
    for number in range(limit(1_500, 20_000)):
        kind = BY_UNITS[number % 2] if number % 3 == 0 else rng.choice(list(OFF))
        drawn, currency = promotion(rng, "offer", kind), rng.choice(CURRENCIES)
        items, shipping = cart(rng, currency), rng.choice((0, 5, 12 * SCALE[currency]))
        served = serve([drawn], items, currency, shipping)
        scene = Scene(items, currency, shipping, [item.amount for item in items])

        assert served.total == oracle.wanted(drawn, scene), (drawn, items, currency, shipping)
        assert len(served.discounts) + len(served.refused) == 1
        applied[kind] += bool(served.discounts)
    assert all(applied.values())


def test_all_discounts_together_are_those_of_a_clerk() -> None:
    """The clerk goes through the discounts in their order, and asks of each whether it is what is wanted and left."""
    rng = random.Random(SEED)
    for _ in range(limit(1_200, 20_000)):
        drawn, items, currency, shipping = world(rng)
        served = serve(drawn, items, currency, shipping)
        by_code = {offer["code"]: offer for offer in drawn}
        audit(
            served,
            [offer for offer in drawn if not offer.get("exclusive")],
            by_code,
            items,
            currency,
            shipping,
        )

        alone = [serve([offer], items, currency, shipping).total for offer in drawn if offer.get("exclusive")]
        others = serve([offer for offer in drawn if not offer.get("exclusive")], items, currency, shipping)
        assert served.total == max([others.total, *alone])
        named = {discount.promotion for discount in served.discounts} | {
            offer.promotion for offer in served.refused
        }
        assert named == set(by_code)
        assert len(served.discounts) + len(served.refused) == len(drawn)


def world(rng: random.Random) -> tuple[list[Json], list[Item], str, int]:
    """Return promotions, some of which exclude the others, and a cart with its shipping."""
    currency = rng.choice(CURRENCIES)
    drawn = [promotion(rng, f"offer{number}") for number in range(rng.randint(0, 6))]
    for offer in drawn:
        if rng.random() < 0.15:
            offer["exclusive"] = True
    return drawn, cart(rng, currency, units_max=6), currency, rng.choice((0, 7, 12 * SCALE[currency]))


def audit(
    served: Served,
    together: Sequence[Json],
    by_code: dict[str, Json],
    items: Sequence[Item],
    currency: str,
    shipping: int,
) -> None:
    won = [by_code[discount.promotion] for discount in served.discounts]
    in_turn = sorted(won, key=lambda offer: (oracle.stage_of(offer), -offer["priority"], offer["code"]))
    assert [offer["code"] for offer in in_turn] == [offer["code"] for offer in won]
    if any(offer.get("exclusive") for offer in won):
        assert len(won) == 1
    left, begin, stage = [item.amount for item in items], [item.amount for item in items], 0
    shipping_left = shipping
    for discount, offer in zip(served.discounts, won, strict=True):
        if oracle.stage_of(offer) != stage:
            stage, begin = oracle.stage_of(offer), list(left)
        scene = Scene(items, currency, shipping, begin)
        lines = scene.counting(offer.get("lines"))
        want, room = oracle.wanted(offer, scene), sum(left[line] for line in lines)
        if stage == 4:
            assert (discount.total, sum(discount.lines)) == (min(want, shipping_left), 0)
        elif offer["kind"] in BY_UNITS:
            assert 0 < discount.total <= want
        elif offer["kind"] in BY_LINE:
            cut = [
                min(left[line], oracle.wanted({**offer, "at_most": None, "when": None}, only(scene, line)))
                for line in lines
            ]
            most = (offer.get("at_most") or {}).get(currency, sum(cut))
            assert discount.total == min(sum(cut), most)
        else:
            assert discount.total == min(want, room)
            for line in lines:  # no line is a whole minor unit away from its part
                assert abs(discount.lines[line] * room - discount.total * left[line]) < room
        for line, amount in enumerate(discount.lines):
            assert 0 <= amount <= left[line]
            left[line] -= amount
        shipping_left -= discount.shipping
        assert shipping_left >= 0
    if not any(offer.get("exclusive") for offer in won):
        for refused in served.refused:
            if refused.promotion in {offer["code"] for offer in together}:
                assert refused.reason is not WhyNot.LESS_THAN_BEST


def only(scene: Scene, line: int) -> Scene:
    """Return the scene with nothing but one line in it."""
    return Scene([scene.items[line]], scene.currency, scene.shipping, [scene.now[line]])


def test_neither_the_order_of_lines_nor_that_of_promotions_matters() -> None:
    rng = random.Random(SEED)
    for _ in range(limit(400, 8_000)):
        drawn, items, currency, shipping = world(rng)
        numbers = list(range(len(items)))
        rng.shuffle(numbers)
        moved = [items[number] for number in numbers]
        first = serve(drawn, items, currency, shipping)
        second = serve(rng.sample(drawn, len(drawn)), moved, currency, shipping)

        assert [discount.promotion for discount in first.discounts] == [
            discount.promotion for discount in second.discounts
        ]
        for earlier, later in zip(first.discounts, second.discounts, strict=True):
            assert earlier.shipping == later.shipping
            assert contents(items, earlier.lines) == contents(moved, later.lines)
        assert first.refused == second.refused


def contents(items: Sequence[Item], off: Sequence[int]) -> list[tuple[str, int]]:
    return sorted((repr(item), amount) for item, amount in zip(items, off, strict=True))


def test_a_hundred_percent_leaves_nothing_in_every_currency() -> None:
    """WooCommerce 22472, 7837 and 16305, Odoo 271032: 100 % left 0.01. pfpayments 19: a discount of −0.01."""
    rng = random.Random(SEED)
    for kind in ("percent_off", "percent_off_lines"):
        for _ in range(limit(100, 2_000)):
            currency = rng.choice(CURRENCIES)
            items = cart(rng, currency)
            served = serve([{"code": "all", "kind": kind, "percent": 100}], items, currency, 0)
            assert [item.amount for item in items] == (
                list(served.discounts[0].lines) if served.discounts else [0] * len(items)
            )


def test_the_missing_amount_or_quantity_makes_a_promotion_apply() -> None:
    """What is said to be missing is enough, and one less is not."""
    rng = random.Random(SEED)
    kinds, tried = ("threshold_off", "every_amount_off", "quantity_ladder", "buy_x_get_y"), 0
    for _ in range(limit(1_000, 10_000)):
        drawn, currency = promotion(rng, "offer", rng.choice(kinds)), rng.choice(CURRENCIES)
        for name in ("lines", "get_lines", "when", "at_most"):
            drawn.pop(name, None)
        items = [item for item in cart(rng, currency) if item.amount] or [Item("a", None, 1, 1)]
        served = serve([drawn], items, currency, 0)
        if not served.refused or served.refused[0].reason is not WhyNot.BELOW:
            continue
        missing, tried = served.refused[0].missing or 0, tried + 1
        for more, applies in ((missing, True), (missing - 1, False)):
            added = (
                Item("z", None, 1, more)
                if "base" in drawn
                else Item("z", None, max(more, 1), 5 * max(more, 1))
            )
            grown = [*items, added] if more else items
            again = serve([drawn], grown, currency, 0)
            assert (not again.refused or again.refused[0].reason is not WhyNot.BELOW) is applies, (
                drawn,
                items,
            )
    assert tried > 50
