"""The interval of a forecast: the page's example, and how often periods that are drawn anew lie in it."""

from __future__ import annotations

from pathlib import Path

import numpy

from services.loyalty.earning.domain.forecasting import Forecast
from tests.conftest import SEED

PAGE = (Path(__file__).parents[4] / "docs" / "rules" / "earning.md").read_text()
PERIODS, MEMBERS = 2_000, 400


def forecast(parts: list[int]) -> Forecast:
    made = Forecast()
    for part in parts:
        made.add(part)
    return made


def test_the_example_of_the_page_is_right() -> None:
    few, many = forecast([30, 40, -20]), forecast([30, 40, -20] * 100)

    assert (few.total, few.interval) == (50, (-56, 156))
    assert (many.total, many.interval) == (5_000, (3_944, 6_056))
    assert "The difference is 50" in PAGE
    assert "between −56 and 156." in PAGE
    assert "5,000, between 3,944 and 6,056" in PAGE


def test_without_a_difference_the_interval_is_nothing() -> None:
    assert forecast([0, 0, 0]).interval == (0, 0)


def test_the_interval_is_rounded_outwards_and_is_exact_where_it_can_be() -> None:
    assert forecast([100]).interval == (-96, 296)
    assert forecast([1]).interval == (-1, 3)


def test_the_mean_of_many_periods_lies_in_95_of_100_intervals() -> None:
    """Each period has a Poisson number of members, each with a difference of a skewed distribution."""
    rng = numpy.random.default_rng(int.from_bytes(str(SEED).encode()[:8], "big"))
    inside = 0
    for _ in range(PERIODS):
        parts = [int(part) for part in rng.gamma(2.0, 50.0, rng.poisson(MEMBERS)) - 40.0]
        low, high = forecast(parts).interval
        inside += low <= MEMBERS * 59.5 <= high

    assert 0.93 <= inside / PERIODS <= 0.97
