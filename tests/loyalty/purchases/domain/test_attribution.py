"""Attribution: every point falls on one unit, and ranges of units add up (docs/rules/attribution.md)."""

from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from services.loyalty.purchases.domain import attribution
from services.loyalty.purchases.domain.facts import Line, UnitRange
from tests.loyalty.oracle import spread

LINES = st.lists(
    st.builds(Line, st.integers(1, 6), st.integers(0, 900), st.just("sku")), min_size=1, max_size=4
).map(tuple)


@given(LINES, st.integers(0, 60))
def test_each_unit_owns_what_a_count_unit_by_unit_gives_it(lines: tuple[Line, ...], points: int) -> None:
    base = attribution.eligible_amount(lines)
    owners = spread(points, [(line.quantity, line.amount_minor) for line in lines])

    for number, line in enumerate(lines, 1):
        for unit in range(1, line.quantity + 1):
            owned = attribution.points_of(points, base, lines, [UnitRange(number, unit, unit)])
            assert owned == owners.count((number, unit))


@given(LINES, st.integers(0, 60))
def test_all_units_together_own_all_points(lines: tuple[Line, ...], points: int) -> None:
    base = attribution.eligible_amount(lines)
    everything = [UnitRange(number, 1, line.quantity) for number, line in enumerate(lines, 1)]

    assert attribution.points_of(points, base, lines, everything) == points
    assert sum(attribution.amount_of(lines, units) for units in everything) == base


@given(LINES, st.integers(1, 60), st.data())
def test_a_range_owns_the_sum_of_its_parts(lines: tuple[Line, ...], points: int, data: st.DataObject) -> None:
    number = data.draw(st.integers(1, len(lines)))
    quantity = lines[number - 1].quantity
    cut = data.draw(st.integers(0, quantity))
    base = attribution.eligible_amount(lines)

    whole = attribution.positions_of(points, base, lines, UnitRange(number, 1, quantity))
    left = attribution.positions_of(points, base, lines, UnitRange(number, 1, cut))
    right = attribution.positions_of(points, base, lines, UnitRange(number, cut + 1, quantity))

    assert (left[0], right[1]) == whole
    assert left[1] == right[0]


def test_lines_that_do_not_count_own_nothing() -> None:
    lines = (Line(2, 100), Line(3, 500), Line(1, 50))

    owned = [
        attribution.points_of(7, 150, lines, [UnitRange(n, 1, lines[n - 1].quantity)], (1, 3))
        for n in (1, 2, 3)
    ]

    assert owned == [7 * 100 // 150, 0, 7 - 7 * 100 // 150]


def test_units_that_a_redemption_does_not_name_own_nothing() -> None:
    lines = (Line(2, 100),)

    assert attribution.points_of(10, 100, lines, [UnitRange(1, 2, 5)]) == 5
    assert attribution.points_of(10, 100, lines, [UnitRange(1, 3, 5)]) == 0
    assert attribution.points_of(10, 100, lines, [UnitRange(2, 1, 1)]) == 0


def test_a_real_line_of_fuel_is_two_divisions_not_thirty_thousand_rows() -> None:
    lines = (Line(32_623, 8_154),)

    first = attribution.points_of(81, 8_154, lines, [UnitRange(1, 16_312, 32_623)])
    second = attribution.points_of(81, 8_154, lines, [UnitRange(1, 1, 16_311)])

    assert first + second == 81
    assert abs(Fraction(first, 81) - Fraction(16_312, 32_623)) < Fraction(1, 40)


def test_ranges_that_share_a_unit_are_found() -> None:
    ranges = [UnitRange(1, 1, 3), UnitRange(2, 1, 1), UnitRange(1, 3, 4), UnitRange(1, 5, 5)]

    assert list(attribution.overlapping(ranges)) == [UnitRange(1, 3, 4)]
