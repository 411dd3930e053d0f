"""RFM scores, the table of names, and the day a name changes by itself."""

from collections import Counter
from datetime import date, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from services.scoring.facts.domain.state import EMPTY, State
from services.scoring.models.domain.kinds import Cuts, rfm

LAST = date(2026, 3, 1)
CUT_POINTS = st.lists(st.integers(0, 60), min_size=4, max_size=4).map(lambda cuts: tuple(sorted(cuts)))


def state(purchases: int) -> State:
    return State(purchases=purchases, days=1, first_day=LAST, last_day=LAST, currency="CNY", currency_days=1)


def test_every_cell_of_the_table_has_one_name() -> None:
    names = Counter(rfm.segment(r, f) for r in range(1, 6) for f in range(1, 6))
    assert names.total() == 25
    assert set(names) == set(rfm.Segment)


@given(CUT_POINTS, CUT_POINTS, st.integers(1, 70), st.integers(0, 70))
def test_the_next_change_is_what_looking_at_every_day_finds(
    recency: tuple[int, ...], frequency: tuple[int, ...], purchases: int, age: int
) -> None:
    cuts = Cuts(recency=recency, frequency=frequency, monetary={})
    customer = state(purchases)
    day = LAST + timedelta(days=age)

    def name(on: date) -> rfm.Segment:
        score = rfm.rfm(customer, cuts, on)
        assert score is not None
        return score.segment

    days = [day + timedelta(days=ahead) for ahead in range(100)]
    by_looking = next((later for earlier, later in pairwise(days) if name(later) is not name(earlier)), None)
    assert rfm.next_change(customer, cuts, day) == by_looking


@given(st.lists(st.integers(0, 40), min_size=1, max_size=200))
def test_quintile_cuts_are_the_inverse_empirical_distribution(values: list[int]) -> None:
    cuts = rfm.quintile_cuts(list(Counter(values).items()))
    for part, cut in enumerate(cuts, start=1):
        assert sum(value <= cut for value in values) * 5 >= part * len(values)
        assert sum(value < cut for value in values) * 5 < part * len(values)


def test_bought_once_is_a_class_of_its_own() -> None:
    cuts = rfm.frequency_cuts([(1, 500), (2, 200), (3, 100), (4, 50), (9, 50)])
    assert cuts == (1, 2, 2, 3)
    assert rfm.frequency_score(1, Cuts(recency=(1, 2, 3, 4), frequency=cuts, monetary={})) == 1
    assert rfm.frequency_cuts([(1, 70)]) == (1, 2, 3, 4)


def test_a_customer_without_purchases_has_no_score() -> None:
    assert rfm.rfm(EMPTY, rfm.SHIPPED, LAST) is None
    assert rfm.next_change(EMPTY, rfm.SHIPPED, LAST) is None


def test_money_is_scored_only_where_its_currency_has_cuts() -> None:
    cuts = Cuts(recency=(1, 2, 3, 4), frequency=(1, 2, 3, 4), monetary={"USD": (1, 2, 3, 4)})
    score = rfm.rfm(state(2), cuts, LAST)
    assert score is not None
    assert (score.m, score.r, score.f) == (None, 5, 2)


def test_recency_cuts_snap_to_round_days_unless_two_would_meet() -> None:
    assert rfm.snapped((28, 88, 181, 350)) == (30, 90, 180, 365)
    assert rfm.snapped((100, 198, 219, 242)) == (100, 198, 219, 242)


def test_cut_points_that_do_not_ascend_are_refused() -> None:
    with pytest.raises(ValidationError, match="ascending"):
        Cuts(recency=(4, 3, 2, 1), frequency=(1, 2, 3, 4), monetary={})
