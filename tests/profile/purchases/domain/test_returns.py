"""Units go back last first, and their amounts add up to the line's, whatever the order of the returns."""

from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.profile.purchases.domain.returns import ReturnedLine, allot, amount_of_units
from services.profile.purchases.refusals import ReturnNotPossible


@dataclass(frozen=True)
class Bought:
    """A line of a purchase, as far as returns look at it."""

    quantity: int
    amount_minor: int
    returned_quantity: int


@given(st.integers(0, 10**15), st.integers(1, 40_000), st.data())
def test_any_returns_of_all_units_take_back_exactly_the_amount_of_the_line(
    amount: int, quantity: int, data: st.DataObject
) -> None:
    returned, taken, units = 0, 0, set[int]()
    while returned < quantity and len(units) < 2_000:
        wanted = data.draw(st.integers(1, quantity - returned))
        (units_back,) = allot([ReturnedLine(1, wanted)], {1: Bought(quantity, amount, returned)})
        assert units_back.unit_to == quantity - returned
        assert units_back.unit_to - units_back.unit_from + 1 == wanted == units_back.quantity
        returned, taken = returned + wanted, taken + units_back.amount_minor
    assert returned == quantity
    assert taken == amount


@given(st.integers(0, 10**12), st.integers(1, 300))
def test_a_units_amount_is_the_difference_of_two_floors(amount: int, quantity: int) -> None:
    units = [amount_of_units(amount, quantity, unit, unit) for unit in range(1, quantity + 1)]
    assert sum(units) == amount
    assert max(units) - min(units) <= 1


def test_what_is_wrong_is_said_line_by_line() -> None:
    purchase = {1: Bought(3, 1000, 2), 2: Bought(1, 500, 0)}
    wanted = [ReturnedLine(1, 2), ReturnedLine(9, 1), ReturnedLine(2, 1), ReturnedLine(2, 1)]
    with pytest.raises(ReturnNotPossible) as refused:
        allot(wanted, purchase)
    assert [(error.pointer, error.code) for error in refused.value.errors] == [
        ("/lines/0/quantity", "too_many_units"),
        ("/lines/1/line", "line_unknown"),
        ("/lines/3/line", "line_repeated"),
    ]


def test_nothing_is_changed_by_allotting() -> None:
    purchase = {1: Bought(3, 1000, 0)}
    allot([ReturnedLine(1, 2)], purchase)
    assert purchase == {1: Bought(3, 1000, 0)}
