"""The estimate of breakage against plain counting, and when there is none."""

from collections.abc import Sequence
from datetime import date
from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from services.loyalty.finance.domain.breakage import (
    EXPIRED_MIN,
    MONTHS_MIN,
    Cell,
    chances_to_expire,
    expected_breakage,
)
from services.loyalty.finance.domain.months import later

BEGIN = date(2024, 1, 1)
Fates = list[tuple[int, bool]]
"""Of each point the age at which it ends, and whether it expires then."""

fates = st.lists(st.tuples(st.integers(0, 5), st.booleans()), max_size=30)


def cell(cohort: int, age: int, *, came: int = 0, redeemed: int = 0, expired: int = 0, left: int = 0) -> Cell:
    begin = later(BEGIN, cohort)
    return Cell(
        cohort=begin, month=later(begin, age), came=came, redeemed=redeemed, expired=expired, left=left
    )


def cells_of(cohorts: Sequence[Fates], until: int | None = None) -> list[Cell]:
    """Return what is known of cohorts, one a month, at the end of the month `until`; None: all."""
    cells = []
    for number, points in enumerate(cohorts):
        for age in range(6):
            if until is not None and number + age > until:
                continue
            expired = sum(1 for ends, expires in points if ends == age and expires)
            redeemed = sum(1 for ends, expires in points if ends == age and not expires)
            came = len(points) if age == 0 else 0
            if came or expired or redeemed:
                cells.append(cell(number, age, came=came, redeemed=redeemed, expired=expired))
    return cells


@given(st.lists(fates, max_size=4))
def test_of_finished_cohorts_it_is_the_share_that_expired_of_those_that_were_left(
    cohorts: list[Fates],
) -> None:
    everything = [point for points in cohorts for point in points]
    for age, chance in enumerate(chances_to_expire(cells_of(cohorts), later(BEGIN, 9))):
        there = [expires for ends, expires in everything if ends >= age]
        if there:
            assert chance == Fraction(sum(there), len(there))


@given(st.lists(fates, max_size=6), st.integers(0, 10))
def test_it_is_a_share_whatever_has_been_seen(cohorts: list[Fates], until: int) -> None:
    assert all(
        0 <= chance <= 1 for chance in chances_to_expire(cells_of(cohorts, until), later(BEGIN, until))
    )


def test_a_cohort_that_goes_on_counts_up_to_its_age() -> None:
    """Of 200 points 60 are redeemed in their first month. What was left of the older 100 expires a month later."""
    cells = [
        cell(0, 0, came=100, redeemed=40),
        cell(0, 1, expired=60),
        cell(1, 0, came=100, redeemed=20),
    ]
    assert chances_to_expire(cells, later(BEGIN, 1)) == [Fraction(7, 10), Fraction(1)]


def test_a_month_in_which_nothing_happens_counts() -> None:
    cells = [cell(0, 0, came=100), cell(1, 0, came=100), cell(0, 1, redeemed=100)]
    waiting = chances_to_expire([*cells, cell(1, 2, expired=100)], later(BEGIN, 3))
    assert waiting[:3] == [Fraction(1, 2), Fraction(1, 2), Fraction(1)]


def test_reversed_points_are_no_experience() -> None:
    cells = [cell(0, 0, came=100, left=50), cell(0, 1, redeemed=25, expired=25)]
    assert chances_to_expire(cells, later(BEGIN, 1)) == [Fraction(1, 2), Fraction(1, 2)]


def test_each_cohort_has_the_chance_of_its_age_and_the_sum_is_rounded_down() -> None:
    cells = [cell(0, 0, came=4_000, redeemed=1_000), cell(0, 1, expired=1_000, redeemed=2_000)]
    now = later(BEGIN, 30)
    closed = [later(BEGIN, number) for number in range(MONTHS_MIN)]
    outstanding = {now: 10, later(now, -1): 10, later(now, -5): 10}
    found = expected_breakage(cells, closed, outstanding, now)
    assert found.expected == 5  # 10 / 4 + 10 / 3 + nothing that is older than all that was seen
    assert (found.rests_on.months, found.rests_on.redeemed, found.rests_on.expired) == (12, 3_000, 1_000)


def test_with_too_little_to_rest_on_there_is_no_estimate() -> None:
    enough = [cell(0, 0, came=EXPIRED_MIN), cell(0, 1, expired=EXPIRED_MIN)]
    few = [cell(0, 0, came=EXPIRED_MIN), cell(0, 1, expired=EXPIRED_MIN - 1)]
    closed = [later(BEGIN, number) for number in range(MONTHS_MIN)]
    assert expected_breakage(enough, closed, {BEGIN: 1}, BEGIN).expected == 1
    assert expected_breakage(enough, closed[1:], {BEGIN: 1}, BEGIN).expected is None
    assert expected_breakage(few, closed, {BEGIN: 1}, BEGIN).expected is None
