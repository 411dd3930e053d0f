"""BG/NBD predictions against 50-digit arithmetic on a hard grid, and the likelihood against its gradient."""

import math
import random
from datetime import date, timedelta

import mpmath
import numpy as np
import pytest

from services.scoring.facts.domain.state import EMPTY, State
from services.scoring.models.domain import training
from services.scoring.models.domain.fits import bg_nbd as bg_nbd_fit
from services.scoring.models.domain.fits import gamma_gamma as gamma_gamma_fit
from services.scoring.models.domain.kinds import BgNbd, GammaGamma, bg_nbd, gamma_gamma

SEED = 20050515


def oracle(model: BgNbd, customer: bg_nbd.Repeat, weeks: float) -> tuple[float, float]:
    """P(alive) and equation 10 as printed, with mpmath's 2F1 and 50 digits (a = 1 by a limit of 1e-25)."""
    with mpmath.workdps(50):
        r, alpha, a, b = (mpmath.mpf(value) for value in (model.r, model.alpha, model.a, model.b))
        a = a + mpmath.mpf(10) ** -25 if a == 1 else a
        x, t_x, now, t = customer.x, mpmath.mpf(customer.t_x), mpmath.mpf(customer.T), mpmath.mpf(weeks)
        series = mpmath.hyp2f1(r + x, b + x, a + b + x - 1, t / (alpha + now + t))
        alive = (a + b + x - 1) / (a - 1) * (1 - ((alpha + now) / (alpha + now + t)) ** (r + x) * series)
        gone = 0 if x == 0 else a / (b + x - 1) * ((alpha + now) / (alpha + t_x)) ** (r + x)
        return float(1 / (1 + gone)), float(alive / (1 + gone))


def hard_cases(count: int) -> list[tuple[BgNbd, bg_nbd.Repeat, float]]:
    rng = random.Random(SEED)

    def spread(low: float, high: float) -> float:
        return math.exp(rng.uniform(math.log(low), math.log(high)))

    cases = []
    for _ in range(count):
        a = rng.choice([spread(0.02, 20), 1.0, 1 + rng.choice([-1, 1]) * spread(1e-12, 1e-2)])
        model = BgNbd(r=spread(0.02, 30), alpha=spread(0.05, 300), a=a, b=spread(0.05, 50))
        x = rng.choice([0, 0, 1, 2, 5, 30, 200, 1000, 5000])
        now = rng.choice([0.0, spread(0.2, 600)]) if x == 0 else spread(0.2, 600)
        t_x = 0.0 if x == 0 else now * rng.choice([1.0, rng.random()])
        cases.append((model, bg_nbd.Repeat(x, t_x, now), spread(0.1, 200)))
    return cases


def test_predictions_agree_with_fifty_digits_on_the_hard_grid() -> None:
    for model, customer, weeks in hard_cases(250):
        alive, expected = oracle(model, customer, weeks)
        case = f"seed {SEED}: {model} {customer} {weeks}"
        assert bg_nbd.p_alive(model, customer) == pytest.approx(alive, rel=1e-9, abs=1e-12), case
        assert bg_nbd.expected_purchases(model, customer, weeks) == pytest.approx(
            expected, rel=1e-8, abs=1e-290
        ), case


def test_predictions_of_very_large_shapes_are_right_too() -> None:
    """Fits of equal customers have them: a and b, or r and alpha, far out on a ridge of the likelihood."""
    rng = random.Random(SEED)
    for _ in range(60):
        big = math.exp(rng.uniform(math.log(150), math.log(1.2e6)))
        share, rate = rng.uniform(1e-4, 0.9), rng.uniform(0.01, 3)
        equal = rng.random() < 0.5
        r, alpha = (big, big / rate) if equal else (rng.uniform(0.1, 5), rng.uniform(0.5, 50))
        a, b = (rng.uniform(0.1, 0.9), 2.0) if equal else (share * big, (1 - share) * big)
        model, now = BgNbd(r=r, alpha=alpha, a=a, b=b), rng.uniform(1, 200)
        x = rng.choice([0, 1, 5, 60])
        customer = bg_nbd.Repeat(x, now * rng.random() if x else 0.0, now)
        weeks = rng.choice([1.0, 90 / 7])

        alive, expected = oracle(model, customer, weeks)

        assert bg_nbd.p_alive(model, customer) == pytest.approx(alive, rel=1e-7, abs=1e-12), model
        assert bg_nbd.expected_purchases(model, customer, weeks) == pytest.approx(
            expected, rel=1e-5, abs=1e-9
        ), (
            model,
            customer,
        )


def test_without_dropout_everybody_is_alive_and_buys_at_the_rate_of_nbd() -> None:
    model, customer = BgNbd(r=1.5, alpha=6, a=0, b=1), bg_nbd.Repeat(4, 10, 300)
    assert bg_nbd.p_alive(model, customer) == 1
    assert bg_nbd.expected_purchases(model, customer, 12) == pytest.approx(5.5 / 306 * 12)
    near = BgNbd(r=1.5, alpha=6, a=1e-9, b=1)
    fresh = bg_nbd.Repeat(4, 300, 300)
    assert bg_nbd.expected_purchases(near, fresh, 12) == pytest.approx(5.5 / 306 * 12, rel=1e-6)


def test_nothing_breaks_where_a_plus_b_plus_x_is_one() -> None:
    model, customer = BgNbd(r=0.3, alpha=4, a=0.5, b=0.5), bg_nbd.Repeat(0, 0, 20)
    beside = bg_nbd.expected_purchases(BgNbd(r=0.3, alpha=4, a=0.5, b=0.5 + 1e-9), customer, 12)
    assert bg_nbd.expected_purchases(model, customer, 12) == pytest.approx(beside, rel=1e-6)


def test_a_customer_who_bought_once_is_alive_by_definition() -> None:
    assert bg_nbd.p_alive(bg_nbd.SHIPPED, bg_nbd.Repeat(0, 0, 500)) == 1


def test_preparation_counts_distinct_days_and_weeks() -> None:
    first = date(1997, 1, 1)
    state = State(purchases=5, days=3, first_day=first, last_day=first + timedelta(days=70), currency="USD")
    assert bg_nbd.prepare(state, first + timedelta(days=77)) == bg_nbd.Repeat(x=2, t_x=10.0, T=11.0)
    assert bg_nbd.prepare(EMPTY, first) is None


ROWS = [(0, 0, 100, 5), (0, 0, 250, 7), (1, 30, 100, 3), (4, 60, 250, 2), (9, 240, 250, 1)]


@pytest.mark.parametrize(
    ("likelihood", "at"),
    [
        (bg_nbd_fit._BgNbd(np.asarray(ROWS)), (0.3, 5.0, 0.8, 2.5)),
        (bg_nbd_fit._Nbd(np.asarray(ROWS)), (0.3, 5.0)),
        (
            gamma_gamma_fit._GammaGamma(np.array([1.0, 4.0]), np.array([20.0, 90.0]), np.array([3.0, 2.0])),
            (6.0, 3.0, 15.0),
        ),
    ],
    ids=["bg_nbd", "nbd", "gamma_gamma"],
)
def test_the_analytic_gradient_is_the_slope(likelihood: bg_nbd_fit._BgNbd, at: tuple[float, ...]) -> None:
    point = np.asarray(at)
    _, gradient = likelihood(point)
    for index in range(len(at)):
        shift = np.zeros(len(at))
        shift[index] = 1e-6
        slope = (likelihood(point + shift)[0] - likelihood(point - shift)[0]) / 2e-6
        assert gradient[index] == pytest.approx(slope, rel=1e-6)


def test_the_likelihood_does_not_depend_on_how_rows_are_grouped() -> None:
    single = [(x, t_x, now, 1) for x, t_x, now, customers in ROWS for _ in range(customers)]
    point = np.array([0.3, 5.0, 0.8, 2.5])
    grouped, apart = bg_nbd_fit._BgNbd(np.asarray(ROWS))(point), bg_nbd_fit._BgNbd(np.asarray(single))(point)
    assert grouped[0] == pytest.approx(apart[0], rel=1e-13)


def test_no_dropout_in_the_data_is_reported_and_not_an_exception() -> None:
    rows = [(x, 300, 301, 50) for x in range(1, 12)] + [(0, 0, 301, 20)]
    assert bg_nbd_fit.fit(rows).gain_over_nbd < training.DROPOUT_GAIN_MIN


def test_expected_spend_of_an_unknown_customer_is_the_mean_of_all() -> None:
    model = GammaGamma(p=6.25, q=3.74, gamma=15.44)
    assert gamma_gamma.expected_spend(model, 0, 0) == pytest.approx(6.25 * 15.44 / 2.74)
    assert gamma_gamma.expected_spend(GammaGamma(p=6, q=1, gamma=15), 3, 20) is None
