"""BG/NBD and Gamma-Gamma give the numbers that were published for CDNOW (Fader, Hardie & Lee 2005; Fader & Hardie 2013)."""

from collections import Counter
from collections.abc import Iterable
from functools import cache
from statistics import fmean
from typing import TypeVar

import pytest

from services.scoring.models.domain import training
from services.scoring.models.domain.fits import bg_nbd as bg_nbd_fit
from services.scoring.models.domain.fits import gamma_gamma as gamma_gamma_fit
from services.scoring.models.domain.kinds import BgNbd, GammaGamma, bg_nbd, gamma_gamma, rfm
from tests.scoring import cdnow

Value = TypeVar("Value")
PRINTED = BgNbd(r=0.243, alpha=4.414, a=0.793, b=2.426)


@cache
def bg(*, sample: bool) -> bg_nbd_fit.BgNbdFit:
    return bg_nbd_fit.fit(cdnow.repeat_rows(cdnow.states(sample=sample).values()))


@cache
def gg(*, sample: bool) -> gamma_gamma_fit.GammaGammaFit:
    return gamma_gamma_fit.fit(cdnow.spend_rows(cdnow.states(sample=sample).values()), exponent=2)


def fitted(*, sample: bool) -> BgNbd:
    r, alpha, a, b = bg(sample=sample).fit.parameters
    return BgNbd(r=r, alpha=alpha, a=a, b=b)


def histogram(values: Iterable[Value]) -> list[tuple[Value, int]]:
    return list(Counter(values).items())


def test_bg_nbd_of_the_sample_is_as_published() -> None:
    found = bg(sample=True)
    assert found.fit.parameters == pytest.approx((0.24259, 4.41360, 0.79292, 2.42591), abs=1e-5)
    assert found.fit.log_likelihood == pytest.approx(-9582.4292, abs=1e-4)
    assert found.fit.converged
    assert found.customers == 2357


def test_bg_nbd_of_the_full_cohort_comes_out() -> None:
    found = bg(sample=False)
    assert found.fit.parameters == pytest.approx((0.25162, 4.78894, 0.72343, 2.16109), abs=1e-5)
    assert found.fit.log_likelihood == pytest.approx(-95368.444, abs=1e-3)
    assert (found.customers, found.unique_rows) == (23570, 8685)
    assert found.gain_over_nbd > training.DROPOUT_GAIN_MIN


def test_gamma_gamma_of_the_sample_is_as_published() -> None:
    found = gg(sample=True)
    assert found.fit.parameters == pytest.approx((6.2496, 3.7442, 15.4435), abs=1e-4)
    assert found.fit.log_likelihood == pytest.approx(-4055.9177, abs=1e-4)
    assert found.customers == 946


def test_gamma_gamma_of_the_full_cohort_comes_out() -> None:
    found = gg(sample=False)
    assert found.fit.parameters == pytest.approx((6.2754, 3.6245, 14.9837), abs=1e-4)
    assert found.fit.log_likelihood == pytest.approx(-40763.476, abs=1e-3)
    assert found.customers == 9450, "one customer with a repeat has a mean of zero"


def test_the_conditional_expectation_of_the_papers_example() -> None:
    customer = bg_nbd.Repeat(x=2, t_x=30.43, T=38.86)
    assert bg_nbd.expected_purchases(PRINTED, customer, 39) == pytest.approx(1.226, abs=1e-3)


@pytest.mark.parametrize(
    ("weeks", "expected"),
    [(0.1429, 0.0078), (1, 0.0532), (3, 0.1506), (31.8571, 1.0405), (32, 1.0437), (78, 1.8576)],
)
def test_expected_purchases_of_a_new_customer(weeks: float, expected: float) -> None:
    newcomer = bg_nbd.Repeat(x=0, t_x=0.0, T=0.0)
    assert bg_nbd.expected_purchases(fitted(sample=True), newcomer, weeks) == pytest.approx(
        expected, abs=1e-3
    )


def test_a_frequent_customer_with_the_printed_parameters() -> None:
    customer = bg_nbd.Repeat(x=26, t_x=30.86, T=31)
    assert bg_nbd.p_alive(PRINTED, customer) == pytest.approx(0.9689, abs=1e-4)
    assert bg_nbd.expected_purchases(PRINTED, customer, 52) == pytest.approx(25.758, abs=1e-3)


def test_expected_spend_of_the_first_ten_customers() -> None:
    model = GammaGamma(p=6.25, q=3.74, gamma=15.44)
    first = [
        gamma_gamma.expected_spend(model, customer.x, mean)
        for customer, mean in cdnow.published_summary()[:10]
    ]
    published = (24.65, 18.91, 35.17, 35.17, 35.17, 71.46, 18.91, 35.17, 27.28, 35.17)
    assert first == pytest.approx(published, abs=0.1)


@pytest.mark.parametrize("x", [221, 254, 161, 204])
def test_very_frequent_customers_are_finite(x: int) -> None:
    model = fitted(sample=True)
    for t_x, now in ((0.5, 38.0), (20.0, 38.0), (38.0, 38.0)):
        customer = bg_nbd.Repeat(x, t_x, now)
        assert 0 <= bg_nbd.p_alive(model, customer) <= 1
        assert 0 <= bg_nbd.expected_purchases(model, customer, 52) < 52 * (x + 1)


def test_the_conditional_expectation_by_repeat_purchases() -> None:
    model = fitted(sample=True)
    by_x: dict[int, list[float]] = {}
    for state in cdnow.states(sample=True).values():
        customer = bg_nbd.prepare(state, cdnow.UNTIL)
        assert customer is not None
        by_x.setdefault(min(customer.x, 7), []).append(bg_nbd.expected_purchases(model, customer, 39))
    published = (0.225, 0.523, 1.044, 1.52, 2.164, 2.654, 3.504, 6.157)
    assert [fmean(by_x[x]) for x in range(8)] == pytest.approx(published, abs=0.005)


def test_the_hold_out_period_is_predicted_as_well_as_published() -> None:
    model = fitted(sample=True)
    then, later = cdnow.states(sample=True), cdnow.states(sample=True, until=cdnow.END)
    errors, predicted, actual = [], 0.0, 0
    for customer, state in then.items():
        history = bg_nbd.prepare(state, cdnow.UNTIL)
        assert history is not None
        expected, came = bg_nbd.expected_purchases(model, history, 39), later[customer].days - state.days
        errors.append(abs(expected - came))
        predicted, actual = predicted + expected, actual + came
    assert fmean(errors) <= 0.7855
    assert predicted / actual - 1 >= -0.122


def test_the_segments_of_the_full_cohort() -> None:
    states = cdnow.states(sample=False).values()
    cuts = rfm.Cuts(
        recency=rfm.quintile_cuts(histogram((cdnow.UNTIL - state.last_day).days for state in states if state.last_day)),
        frequency=rfm.frequency_cuts(histogram(state.purchases for state in states)),
        monetary={"USD": rfm.quintile_cuts(histogram(state.net_minor for state in states))},
    )  # fmt: skip
    scores = [rfm.rfm(state, cuts, cdnow.UNTIL) for state in states]
    assert cuts.recency == (100, 198, 219, 242)
    assert cuts.frequency == (1, 2, 3, 4)
    assert cuts.monetary["USD"] == (1496, 2794, 4693, 9396)
    assert dict(histogram(score.segment.value for score in scores if score)) == {
        "lost": 4658, "potential_loyal": 4239, "hibernating": 4108, "promising": 3826, "champion": 2619, "new": 1652,
        "loyal": 1191, "need_attention": 692, "about_to_sleep": 548, "at_risk": 34, "cannot_lose": 3,
    }  # fmt: skip
