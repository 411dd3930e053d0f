"""Shops whose spends are known: a fit of enough customers always has a mean, and it predicts the usual customers."""

import random
from collections import Counter
from collections.abc import Callable, Sequence
from statistics import fmean, median

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.scoring.models.domain import training
from services.scoring.models.domain.fits import gamma_gamma as fits
from services.scoring.models.domain.kinds import GammaGamma, gamma_gamma
from services.scoring.models.domain.training import Outcome
from shared.limits import ORDER_AMOUNT_MAX
from tests.conftest import SEED
from tests.parts.sampling import sample

pytestmark = pytest.mark.slow
SEEDS = sample(random.Random(SEED), range(3), 1)

Row = tuple[int, int]
"""The repeat days of one customer, and their net sum in minor units."""
Draw = Callable[[random.Random], float]
"""Draws the mean spend of a customer, in minor units."""


def shop(seed: int, size: int, mean_spend: Draw) -> list[Row]:
    """Customers who spend around means of their own."""
    chance, customers = random.Random(seed), []
    for _ in range(size):
        days, mean = chance.randrange(1, 9), mean_spend(chance)
        spends = [max(1, round(mean * chance.uniform(0.7, 1.3))) for _ in range(days)]
        customers.append((days, sum(spends)))
    return customers


def trained(customers: Sequence[Row], *, exponent: int = 2) -> tuple[Outcome, GammaGamma]:
    """The outcome of a fit to customers, and its parameters."""
    rows = [(*row, count) for row, count in sorted(Counter(customers).items())]
    outcome = training.train_gamma_gamma(rows, exponent=exponent)
    assert isinstance(outcome.parameters, GammaGamma)
    return outcome, outcome.parameters


def expected(model: GammaGamma, x: int = 0, z_minor: float = 0.0, *, exponent: int = 2) -> float:
    """What the model expects of a customer, in minor units."""
    scale = 10.0**exponent
    answer = gamma_gamma.expected_spend(model, x, z_minor / scale)
    assert answer is not None
    return answer * scale


def usual(chance: random.Random) -> float:
    return 3_000 * chance.lognormvariate(0, 0.6)


@settings(max_examples=25, deadline=None, derandomize=True)
@given(
    seed=st.integers(0, 999),
    huge=st.lists(st.integers(10**8, ORDER_AMOUNT_MAX), min_size=1, max_size=40),
    repeats=st.integers(1, 5),
)
def test_a_handful_of_huge_orders_changes_nothing_for_the_usual_customers(
    seed: int, huge: list[int], repeats: int
) -> None:
    customers = shop(seed, 2_000, usual)
    alone, without = trained(customers)
    outcome, model = trained([*customers, *((repeats, amount * repeats) for amount in huge)])

    assert alone.passed
    assert outcome.passed, outcome
    assert outcome.figures["customers_left_out"] == len(huge)
    assert (outcome.customers, model) == (2_000, without)
    assert "customers_left_out" not in alone.figures


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("times", [20, 100, 300, 900])
def test_large_orders_that_are_not_beyond_all_others_leave_a_model_that_predicts(
    seed: int, times: int
) -> None:
    customers = shop(seed, 2_000, usual)
    large = [(2, 2 * 3_000 * times)] * 8
    outcome, model = trained([*customers, *large])

    assert outcome.passed, outcome
    assert "customers_left_out" not in outcome.figures
    usually, together = (
        fmean(total / days for days, total in of) for of in (customers, [*customers, *large])
    )
    assert 0.95 * usually < expected(model) < 1.05 * together
    assert expected(model, 8, 3_000.0) == pytest.approx(3_000, rel=0.05)


WORLDS: dict[str, Draw] = {
    "everybody the same": lambda chance: 1_000,
    "two prices": lambda chance: chance.choice((1_000, 5_000)),
    "narrow": lambda chance: 1_000 * chance.lognormvariate(0, 0.05),
    "usual": usual,
    "wide": lambda chance: 3_000 * chance.lognormvariate(0, 1.5),
    "wider": lambda chance: 3_000 * chance.lognormvariate(0, 2.5),
    "Pareto without a mean": lambda chance: 3_000 * min(chance.paretovariate(0.7), 1e7),
    "Pareto": lambda chance: 3_000 * chance.paretovariate(1.5),
    "wholesale": lambda chance: 3_000 * (500_000 if chance.random() < 0.2 else 1),
    "small change": lambda chance: 3_000 * (0.0005 if chance.random() < 0.05 else 1),
    "large": lambda chance: 10**11 * chance.lognormvariate(0, 0.6),
}


@pytest.mark.parametrize("exponent", [0, 2])
@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("world", WORLDS)
def test_every_shop_with_enough_customers_gets_a_model_with_a_mean(
    world: str, seed: int, exponent: int
) -> None:
    customers = shop(seed, 400, WORLDS[world])
    outcome, model = trained(customers, exponent=exponent)

    assert outcome.passed, outcome
    assert model.q > 1
    means = [total / days for days, total in customers]
    answers = [
        expected(model, days, mean, exponent=exponent)
        for days, mean in zip((days for days, _ in customers), means, strict=True)
    ]
    population = expected(model, exponent=exponent)
    assert all(
        min(mean, population) * 0.999 <= answer <= max(mean, population) * 1.001
        for mean, answer in zip(means, answers, strict=True)
    ), "an answer lies between the customer's own mean and that of the population"
    if "mean_observed" in outcome.figures and "customers_left_out" not in outcome.figures:
        assert population == pytest.approx(fmean(means), rel=1e-6)
    assert median(means) / 20 < population < max(means)


def test_where_everybody_spends_the_same_that_is_expected() -> None:
    outcome, model = trained([(days, 1_000 * days) for days in (1, 2, 3)] * 30)

    assert outcome.passed, outcome
    assert outcome.figures["mean_observed"] == pytest.approx(10)
    assert [expected(model, x, 1_000) for x in (0, 1, 9)] == pytest.approx([1_000] * 3)


def test_a_currency_of_large_numbers_is_fitted_as_any_other() -> None:
    customers = shop(7, 500, usual)
    _, model = trained(customers)
    outcome, large = trained([(days, total * 10**6) for days, total in customers])

    assert outcome.passed, outcome
    assert (large.p, large.q) == pytest.approx((model.p, model.q))
    assert large.gamma == pytest.approx(model.gamma * 10**6)


def test_a_clientele_is_not_left_out() -> None:
    wholesale = [(2, 2 * 10**8)] * 60
    customers = shop(1, 400, usual)

    assert "customers_left_out" not in trained([*customers, *wholesale])[0].figures
    assert trained([*customers, *wholesale[:40]])[0].figures["customers_left_out"] == 40


@pytest.mark.parametrize("excess", [0.01, 2.0, 9.0])
def test_the_gradient_of_a_fit_with_a_given_mean_is_the_slope(excess: float) -> None:
    rows = fits._GammaGamma(np.array([1.0, 4.0]), np.array([20.0, 90.0]), np.array([3.0, 2.0]))
    likelihood, shift = fits._OfMean(rows, 6.0, 21.0), excess * 1e-6

    _, (gradient,) = likelihood(np.array([excess]))

    above, below = (likelihood(np.array([excess + step]))[0] for step in (shift, -shift))
    assert gradient == pytest.approx((above - below) / (2 * shift), rel=1e-4, abs=1e-6)
