"""The units of a cart by their price, against a list of single units."""

import random
from datetime import UTC, datetime

from services.loyalty.earning.domain.cart import Cart
from services.loyalty.earning.domain.promotions.units import Worth
from services.loyalty.purchases.domain.facts import Line
from tests.parts.sampling import limit

WORLDS = limit(30, 300)


def _cart(chance: random.Random) -> Cart:
    lines = [
        Line(chance.randint(1, 5), chance.randint(0, 40), chance.choice("ab"))
        for _ in range(chance.randint(1, 12))
    ]
    return Cart(currency="CNY", occurred_at=datetime(2026, 3, 1, tzinfo=UTC), lines=lines, member=None)


def _singly(cart: Cart, mask: int) -> list[tuple[int, int]]:
    """Return the price and the line of every unit."""
    return [
        (amount // quantity + (unit < amount % quantity), line)
        for line, (amount, quantity) in enumerate((line.amount_minor, line.quantity) for line in cart.lines)
        if mask >> line & 1
        for unit in range(quantity)
    ]


def test_units_stand_by_their_price_whatever_lines_are_picked(seeded: random.Random) -> None:
    for _ in range(WORLDS):
        cart = _cart(seeded)
        mask = seeded.randrange(1 << len(cart.lines))
        for dearest_first in (True, False):
            listed = cart.units(mask, dearest_first=dearest_first)
            prices = [units.price for units in listed for _ in range(units.number)]

            assert prices == sorted((price for price, _ in _singly(cart, mask)), reverse=dearest_first)
            singly = sorted((units.price, units.line) for units in listed for _ in range(units.number))
            assert singly == sorted(_singly(cart, mask))


def test_the_first_units_cost_what_they_cost_singly(seeded: random.Random) -> None:
    for _ in range(WORLDS):
        cart = _cart(seeded)
        listed = cart.units(seeded.randrange(1 << len(cart.lines)), dearest_first=True)
        singly = [(units.price, units.line) for units in listed for _ in range(units.number)]
        worth = Worth(listed)
        for wanted in range(len(singly) + 2):
            cost_of = [0] * len(cart.lines)
            worth.add_first(cost_of, wanted)

            assert worth.of_first(wanted) == sum(price for price, _ in singly[:wanted]) == sum(cost_of)
            for line, cost in enumerate(cost_of):
                assert cost == sum(price for price, of in singly[:wanted] if of == line)


def test_a_cart_at_other_amounts_has_other_units() -> None:
    cart = Cart(
        currency="CNY", occurred_at=datetime(2026, 3, 1, tzinfo=UTC), lines=[Line(2, 10), Line(1, 3)], member=None
    )  # fmt: skip
    assert [units.price for units in cart.units(3, dearest_first=True)] == [5, 3]

    assert [units.price for units in cart.at([4, 9]).units(3, dearest_first=True)] == [9, 2]
