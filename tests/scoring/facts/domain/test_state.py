"""The fold of day roll-ups into a customer's state, and the step that must give the same bits."""

import random
from datetime import UTC, date, datetime, time, timedelta

from hypothesis import given
from hypothesis import strategies as st

from services.scoring.facts.domain.facts import Purchase, Return, roll_up
from services.scoring.facts.domain.state import EMPTY, OtherCurrency, can_step, fold, step

START = date(2026, 1, 1)


def bought(
    number: int, day: int, amount: int = 1000, *, currency: str = "CNY", units: int = 1, who: str = "cus_a"
) -> Purchase:
    on = START + timedelta(days=day)
    return Purchase(f"pur_{number}", who, datetime.combine(on, time(12), UTC), on, currency, amount, units)


def returned(number: int, purchase: Purchase, units: int, amount: int, after: int = 1) -> Return:
    on = purchase.day + timedelta(days=after)
    at = purchase.occurred_at + timedelta(days=after)
    return Return(f"ret_{number}", purchase.purchase_id, purchase.identity_id, at, on, amount, units)


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 10**13)), max_size=60))
def test_a_step_gives_the_identical_bits_as_folding_everything(gaps: list[tuple[int, int]]) -> None:
    day, state, so_far = 0, EMPTY, []
    for number, (gap, amount) in enumerate(gaps):
        day += gap
        purchase = bought(number, day, amount)
        so_far.append(purchase)
        assert can_step(state, purchase)
        state = step(state, purchase)
        assert state == fold(roll_up(so_far, ()))


def test_an_earlier_day_or_another_currency_cannot_be_stepped_to() -> None:
    state = fold(roll_up([bought(1, 5)], ()))
    assert can_step(state, bought(2, 5))
    assert not can_step(state, bought(2, 4))
    assert not can_step(state, bought(2, 6, currency="USD"))
    assert not can_step(fold(roll_up([bought(1, 5), bought(2, 5, currency="USD")], ())), bought(3, 6))


def test_a_purchase_counts_while_one_of_its_units_is_kept() -> None:
    free = bought(1, 0, 0, units=3)
    assert fold(roll_up([free], [returned(1, free, 2, 0)])).purchases == 1
    assert fold(roll_up([free], [returned(1, free, 2, 0), returned(2, free, 1, 0)])) == EMPTY


def test_a_return_lowers_the_day_of_its_purchase() -> None:
    first, second = bought(1, 0, 900, units=3), bought(2, 10, 500)
    state = fold(roll_up([first, second], [returned(1, first, 1, 300, after=30)]))
    assert (state.purchases, state.days, state.net_minor, state.refund_minor) == (2, 2, 1100, 300)
    assert (state.first_day_net, state.last_day_net, state.last_day) == (600, 500, second.day)


def test_a_return_of_an_unknown_purchase_has_no_effect() -> None:
    known, unknown = bought(1, 0), bought(2, 3)
    assert roll_up([known], [returned(1, unknown, 1, 1000)]) == roll_up([known], ())


def test_the_main_currency_has_most_days_and_on_a_tie_the_smaller_code() -> None:
    tie = fold(roll_up([bought(1, 0, 100, currency="USD"), bought(2, 1, 200)], ()))
    assert (tie.currency, tie.net_minor, tie.days, tie.currency_days) == ("CNY", 200, 2, 1)
    assert tie.other_currencies == (OtherCurrency("USD", 1, 100),)
    most = fold(roll_up([bought(1, 0, 1, currency="USD"), bought(2, 1), bought(3, 2, 5, currency="USD")], ()))
    assert (most.currency, most.net_minor, most.first_day_net) == ("USD", 6, 1)


def test_two_identities_of_one_customer_share_their_days() -> None:
    rollups = roll_up([bought(1, 0, 100), bought(2, 0, 50, who="cus_b"), bought(3, 2, 10, who="cus_b")], ())
    state = fold(rollups)
    assert (state.purchases, state.days, state.first_day_net, state.net_minor) == (3, 2, 150, 160)


def test_the_order_of_roll_ups_does_not_matter() -> None:
    seed = 20260801
    rng = random.Random(seed)
    for world in range(200):
        purchases = [
            bought(
                number,
                rng.randrange(9),
                rng.randrange(500),
                currency=rng.choice(["CNY", "USD"]),
                who=rng.choice("ab"),
            )
            for number in range(rng.randrange(1, 12))
        ]
        rollups = roll_up(purchases, ())
        shuffled = rng.sample(rollups, len(rollups))
        assert fold(shuffled) == fold(rollups), f"seed {seed}, world {world}"
