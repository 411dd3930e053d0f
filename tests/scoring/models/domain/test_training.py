"""Shops whose truth is known: the fit that goes into force predicts them at least as well as the one it leaves."""

import random
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta

import pytest

from services.scoring.models.domain import holdout, training
from services.scoring.models.domain.holdout import Holdout
from services.scoring.models.domain.kinds import BgNbd, bg_nbd
from services.scoring.models.domain.training import Outcome, Rival
from tests.conftest import SEED
from tests.parts.sampling import sample
from tests.scoring import cdnow

pytestmark = pytest.mark.slow
SEEDS = sample(random.Random(SEED), range(6), 2)

PRIOR = Rival(bg_nbd.SHIPPED, knows_holdout=False)
UNTIL, END = 364, 454
"""The day of the fit, and a day that the fit cannot know."""


@dataclass(frozen=True)
class Shop:
    """The sorted purchase days of each customer, in days since the shop opened, up to END."""

    customers: Sequence[Sequence[int]]

    def rows(self, until: int) -> list[training.RepeatRow]:
        """Unique rows at the end of a day."""
        counts: Counter[tuple[int, int, int]] = Counter()
        for days in self._known(until):
            counts[len(days) - 1, days[-1] - days[0], until - days[0]] += 1
        return [(*key, customers) for key, customers in sorted(counts.items())]

    def holdout(self, cut: int, until: int) -> Holdout:
        """What customers of the cut did after it."""
        counts: Counter[tuple[int, int, int, int]] = Counter()
        for days in self._known(until):
            if before := [day for day in days if day <= cut]:
                key = (len(before) - 1, before[-1] - before[0], cut - before[0], len(days) - len(before))
                counts[key] += 1
        return Holdout(until - cut, [(*key, customers) for key, customers in sorted(counts.items())])

    def trained(self, rival: Rival = PRIOR) -> Outcome:
        """The outcome of a fit at UNTIL."""
        rows = self.rows(UNTIL)
        days = holdout.days_of(max((row[2] for row in rows), default=0))
        known = None if days is None else self.holdout(UNTIL - days, UNTIL)
        return training.train_bg_nbd(rows, holdout=known, rival=rival)

    def _known(self, until: int) -> Iterable[list[int]]:
        for days in self.customers:
            if known := [day for day in days if day <= until]:
                yield known


def simulated(seed: int, size: int, truth: BgNbd, *, opened: int = 200) -> Shop:
    """Customers of BG/NBD, or of NBD where a is 0; they come within `opened` days."""
    chance, customers = random.Random(seed), []
    for _ in range(size):
        rate = chance.gammavariate(truth.r, 1 / truth.alpha) / 7
        leaves = chance.betavariate(truth.a, truth.b) if truth.a else 0.0
        now: float = chance.randrange(opened)
        days = {int(now)}
        while rate > 1e-9 and not (leaves and len(days) > 1 and chance.random() < leaves):
            now += chance.expovariate(rate)
            if now > END:
                break
            days.add(int(now))
        customers.append(sorted(days))
    return Shop(customers)


NBD = BgNbd(r=1.2, alpha=6, a=0, b=1)
LEAVING = BgNbd(r=0.8, alpha=4, a=0.9, b=2.5)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize(("truth", "size"), [(NBD, 900), (NBD, 60), (LEAVING, 900), (LEAVING, 60), (NBD, 25)])
def test_what_is_in_force_after_a_fit_predicts_at_least_as_well_as_what_was_not_taken(
    truth: BgNbd, size: int, seed: int
) -> None:
    shop = simulated(seed, size, truth)
    outcome = shop.trained()

    assert isinstance(outcome.parameters, BgNbd)
    ahead = holdout.compare(outcome.parameters, bg_nbd.SHIPPED, shop.holdout(UNTIL, END))
    figures = outcome.figures
    if outcome.passed and size >= training.CUSTOMERS_MIN:
        tolerated = (
            holdout.ERRORS_CLEAR * figures["lead_error"],
            holdout.MATERIAL * figures["holdout_purchase_days"],
        )
        assert figures["lead"] >= -max(tolerated)
    else:
        assert outcome.passed is (figures["lead"] > 0)
    if truth is NBD:
        assert not ahead.clearly_worse
    if size == 900:
        assert outcome.passed
        assert ahead.lead > 0
        assert ahead.predicted == pytest.approx(shop.holdout(UNTIL, END).purchase_days, rel=0.15)


def test_a_shop_in_which_nobody_leaves_gets_the_model_without_dropout() -> None:
    seen = [simulated(seed, 900, NBD).trained() for seed in range(10)]

    without = [outcome for outcome in seen if outcome.parameters and not outcome.parameters.knows_dropout]  # type: ignore[union-attr]  # BG/NBD
    assert len(without) >= 9, "by chance, dropout is seen in 2 % of such shops"
    assert all(outcome.figures["gain_over_nbd"] < training.DROPOUT_GAIN_MIN for outcome in without)
    assert all(outcome.passed and all(outcome.gates.values()) for outcome in seen)


def test_a_shop_in_which_customers_leave_gets_the_model_with_dropout() -> None:
    for seed in range(5):
        outcome = simulated(seed, 900, LEAVING).trained()
        assert isinstance(outcome.parameters, BgNbd)
        assert outcome.parameters.knows_dropout
        assert outcome.passed


def test_cdnow_is_published_with_its_numbers_though_the_shipped_model_was_rounded_from_them() -> None:
    days = holdout.days_of(272)
    assert days is not None
    cut = cdnow.UNTIL - timedelta(days=days)
    before = cdnow.states(sample=True, until=cut)
    counts: Counter[tuple[int, int, int, int]] = Counter()
    for customer, state in cdnow.states(sample=True).items():
        if (then := before.get(customer)) and then.first_day and then.last_day:
            t_x, observed = (then.last_day - then.first_day).days, (cut - then.first_day).days
            counts[then.days - 1, t_x, observed, state.days - then.days] += 1
    known = Holdout(days, [(*key, customers) for key, customers in sorted(counts.items())])
    rows = cdnow.repeat_rows(cdnow.states(sample=True).values())

    outcome = training.train_bg_nbd(rows, holdout=known, rival=PRIOR)

    assert outcome.passed, outcome
    assert isinstance(outcome.parameters, BgNbd)
    assert (outcome.parameters.r, outcome.parameters.a) == pytest.approx((0.24259, 0.79292), abs=1e-5)
    assert outcome.gates == dict.fromkeys(("finite", "converged", "enough_customers", "predicts"), True)


def test_a_shop_where_everybody_left_after_a_few_weeks_is_not_said_to_go_on() -> None:
    chance = random.Random(1)
    shop = Shop([sorted({day, day + 7, day + 7 * chance.randrange(2, 5)}) for day in range(0, 120, 1)])

    outcome = shop.trained()

    assert outcome.passed
    assert isinstance(outcome.parameters, BgNbd)
    known = shop.holdout(UNTIL, END)
    assert known.purchase_days == 0
    assert holdout.compare(outcome.parameters, bg_nbd.SHIPPED, known).predicted < 3


def test_a_shop_of_single_purchases_does_not_expect_what_the_shipped_model_does() -> None:
    shop = Shop([[day] for day in range(0, 360, 2)])

    outcome = shop.trained()

    assert outcome.passed
    assert isinstance(outcome.parameters, BgNbd)
    ahead = holdout.compare(outcome.parameters, bg_nbd.SHIPPED, shop.holdout(UNTIL, END))
    assert ahead.predicted < 1 < 10 < ahead.predicted_by_other


def test_a_shop_of_equal_customers_is_fitted_although_its_spread_is_not_identified() -> None:
    chance = random.Random(3)
    shop = Shop([sorted({chance.randrange(END) for _ in range(12)}) for _ in range(300)])

    outcome = shop.trained()

    assert outcome.passed, outcome
    assert isinstance(outcome.parameters, BgNbd)
    known = shop.holdout(UNTIL, END)
    assert holdout.compare(outcome.parameters, bg_nbd.SHIPPED, known).predicted == pytest.approx(
        known.purchase_days, rel=0.1
    )


@pytest.mark.parametrize("customers", [[], [[364]], [[364], [364]]])
def test_a_shop_without_a_day_of_history_has_nothing_to_fit(customers: list[list[int]]) -> None:
    assert Shop(customers).trained() == training.NOTHING


def test_a_handful_of_customers_is_rejected_by_name_and_figure() -> None:
    outcome = Shop([[0, 30, 60], [10, 200], [50, 90, 120, 300], [5], [100, 130]]).trained()

    assert not outcome.passed
    assert [name for name, is_open in outcome.gates.items() if not is_open] == ["enough_customers"]
    assert (outcome.figures["customers"], outcome.figures["customers_min"]) == (5, 50)


def test_a_fit_that_is_clearly_worse_than_the_one_in_force_is_rejected() -> None:
    """The fit believes in four times as many purchases as there were; the model in force is the truth."""
    shop = simulated(4, 900, LEAVING)
    wrong = [(x * 4, t_x, observed, customers) for x, t_x, observed, customers in shop.rows(UNTIL)]
    known = shop.holdout(UNTIL - 90, UNTIL)

    outcome = training.train_bg_nbd(wrong, holdout=known, rival=Rival(LEAVING, knows_holdout=True))

    assert not outcome.passed
    assert outcome.gates["predicts"] is False
    assert outcome.figures["predicted"] > outcome.figures["holdout_purchase_days"]
