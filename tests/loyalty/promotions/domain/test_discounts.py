"""T10 and T11: which part of the discounts of a line a part of its units has."""

from __future__ import annotations

import random
from itertools import pairwise

from services.loyalty.promotions.domain.discounts import Discount, net_amounts, parts_of
from services.loyalty.purchases.domain import attribution
from services.loyalty.purchases.domain.facts import Line, UnitRange
from tests.conftest import SEED
from tests.parts.sampling import limit


def drawn(rng: random.Random) -> tuple[list[Line], list[Discount]]:
    """Return lines with discounts that leave each of them something or nothing."""
    lines = [Line(rng.randint(1, 9), rng.randint(0, 40)) for _ in range(rng.randint(1, 4))]
    left, discounts = [line.amount_minor for line in lines], []
    for number in range(rng.randint(0, 3)):
        off = tuple(rng.choice((0, amount, rng.randint(0, amount))) for amount in left)
        left = [amount - taken for amount, taken in zip(left, off, strict=True)]
        discounts.append(Discount(f"offer{number}", off, rng.randint(0, 5)))
    return lines, discounts


def test_a_part_of_the_units_has_a_part_of_each_discount_and_the_rest_has_the_rest() -> None:
    rng = random.Random(SEED)
    for _ in range(limit(2_000, 30_000)):
        lines, discounts = drawn(rng)
        nets = net_amounts(lines, discounts)
        units = [(line, rng.randint(1, bought.quantity)) for line, bought in enumerate(lines)]
        whole = parts_of(lines, discounts, [(line, bought.quantity) for line, bought in enumerate(lines)])
        parts = parts_of(lines, discounts, units)

        assert whole == discounts
        for line, count in units:
            gross = lines[line].amount_minor * count // lines[line].quantity
            off = [part.lines[line] for part in parts]
            assert all(
                0 <= taken <= discount.lines[line] for taken, discount in zip(off, discounts, strict=True)
            )
            assert gross - sum(off) == nets[line] * count // lines[line].quantity


def test_any_pieces_of_a_discounted_line_sum_and_no_unit_is_above_its_price() -> None:
    """Solidus 512, Odoo 286433, sonata 177: the list price, or the whole discount, was refunded. Dynamics 4215: a free unit was count."""
    rng = random.Random(SEED)
    for _ in range(limit(2_000, 30_000)):
        lines, discounts = drawn(rng)
        nets = net_amounts(lines, discounts)
        net_lines = [Line(line.quantity, net) for line, net in zip(lines, nets, strict=True)]
        for number, line in enumerate(net_lines, 1):
            cuts = sorted({0, line.quantity, *(rng.randint(0, line.quantity) for _ in range(3))})
            pieces = [UnitRange(number, begin + 1, end) for begin, end in pairwise(cuts)]
            rng.shuffle(pieces)
            refunds = [attribution.amount_of(net_lines, piece) for piece in pieces]
            price = -(-lines[number - 1].amount_minor // line.quantity)

            assert sum(refunds) == nets[number - 1]
            for piece, refund in zip(pieces, refunds, strict=True):
                assert 0 <= refund <= price * (piece.unit_to - piece.unit_from + 1)


def test_discounts_are_shared_on_return_also_below_their_threshold() -> None:
    """满300减30: 300.00 costs 270. What goes back is worth its share, so no refund is negative."""
    lines = [Line(1, 100), Line(1, 29_900)]
    discount = Discount("from_300", (10, 2_990))

    assert net_amounts(lines, [discount]) == [90, 26_910]
    assert [part.lines for part in parts_of(lines, [discount], [(1, 1)])] == [(2_990,)]
