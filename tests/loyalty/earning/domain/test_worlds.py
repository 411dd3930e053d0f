"""Random rulebooks and histories against an oracle that knows only what is left: H1 to H6 and H9 of the model of rules."""

from __future__ import annotations

import random
from collections import Counter
from datetime import date

import pytest

from tests.conftest import SEED
from tests.loyalty.earning.domain.rule_oracle import RuleOracle
from tests.loyalty.earning.domain.rule_worlds import (
    ZONE,
    Ledger,
    Step,
    compiled,
    interleaved,
    random_document,
    random_order,
    random_steps,
    run,
    smaller,
)
from tests.parts.sampling import limit

WORLDS = limit(250, 4_000)
ORDERS_MAX = 5
WALLETS_MAX = 3


def test_a_balance_is_what_the_oracle_says_of_what_is_left() -> None:
    """H1, H2, H6: whatever the order of purchases and partial returns."""
    for number in range(WORLDS):
        rng = random.Random(f"{SEED} {number}")
        document, wallets = random_document(rng), rng.randint(1, WALLETS_MAX)
        orders = [random_order(rng, at, wallets) for at in range(rng.randint(1, ORDERS_MAX))]
        oracle = RuleOracle(document, ZONE)
        for order in orders:
            oracle.book(order)
        steps, lefts = random_steps(rng, orders)
        expected, book = oracle.total(lefts), compiled(document)
        for _ in range(3):
            ledger = Ledger(book, wallets)
            run(ledger, interleaved(rng, steps))
            assert ledger.balance() == expected, (number, document)


def measures(ledger: Ledger) -> Counter[tuple[str, date]]:
    """Return the measure of each cap and period. Which wallet's row has it depends on the order of the returns."""
    total = Counter[tuple[str, date]]()
    for key, row in ledger.counters.rows.items():
        total[key.key, key.period_from] += row.measure
    return +total


def test_orders_that_went_back_whole_never_happened() -> None:
    """H3: also what the caps had cut from other orders counts again."""
    for number in range(WORLDS):
        rng = random.Random(f"whole {SEED} {number}")
        document, wallets = random_document(rng), rng.randint(1, WALLETS_MAX)
        orders = [random_order(rng, at, wallets) for at in range(rng.randint(2, ORDERS_MAX))]
        gone = rng.sample(orders, rng.randint(1, len(orders)))
        book = compiled(document)
        ledger, without = Ledger(book, wallets), Ledger(book, wallets)
        back = [Step(order, tuple(order.units())) for order in gone]
        run(ledger, interleaved(rng, [Step(order) for order in orders] + back))
        run(without, [Step(order) for order in orders if order not in gone])

        assert ledger.balance() == without.balance(), (number, document)
        assert measures(ledger) == measures(without), "of the wallets of a member together"


def test_buying_and_returning_at_once_changes_nothing() -> None:
    """H4: not in the balance, and not in any counter."""
    for number in range(WORLDS):
        rng = random.Random(f"at once {SEED} {number}")
        document, wallets = random_document(rng), 1
        orders = [random_order(rng, at, wallets) for at in range(ORDERS_MAX)]
        steps, _ = random_steps(rng, orders[:-1])
        ledger = Ledger(compiled(document), wallets)
        run(ledger, interleaved(rng, steps))
        before = (
            ledger.balance(),
            {key: (row.measure, row.granted) for key, row in ledger.counters.rows.items()},
        )
        run(ledger, [Step(orders[-1]), Step(orders[-1], tuple(orders[-1].units()))])

        after = {key: (row.measure, row.granted) for key, row in ledger.counters.rows.items()}
        assert ledger.balance() == before[0]
        assert {key: row for key, row in after.items() if key in before[1] or row != (0, 0)} == before[1]


def test_the_order_of_rules_and_lines_does_not_matter() -> None:
    """H5."""
    for number in range(WORLDS):
        rng = random.Random(f"shuffled {SEED} {number}")
        document = random_document(rng)
        order = random_order(rng, 0, 1)
        other = {name: rng.sample(part, len(part)) for name, part in document.items()}
        lines = rng.sample(order.lines, len(order.lines))
        ledger, shuffled = Ledger(compiled(document), 1), Ledger(compiled(other), 1)
        ledger.buy(order)
        shuffled.buy(type(order)(**{**vars(order), "lines": tuple(lines)}))

        assert ledger.balance() == shuffled.balance(), (number, document)


def test_under_requalify_a_partial_return_is_the_smaller_order() -> None:
    """H9: for rules that compete with nothing, and for groups of bonuses of which the best counts."""
    for number in range(WORLDS):
        rng = random.Random(f"requalify {SEED} {number}")
        document, wallets = random_document(rng, only_requalify=True), rng.randint(1, WALLETS_MAX)
        orders = [random_order(rng, at, wallets) for at in range(rng.randint(1, ORDERS_MAX))]
        steps, lefts = random_steps(rng, orders)
        book = compiled(document)
        ledger, less = Ledger(book, wallets), Ledger(book, wallets)
        run(ledger, interleaved(rng, steps))
        run(less, [Step(order) for left in lefts if (order := smaller(left)) is not None])

        assert ledger.balance() == less.balance(), (number, document)


@pytest.mark.parametrize("wallets", [1, WALLETS_MAX])
def test_all_units_back_leave_nothing(wallets: int) -> None:
    """H2: no point in a lot, and nothing in a counter."""
    for number in range(WORLDS):
        rng = random.Random(f"nothing {SEED} {number} {wallets}")
        document = random_document(rng)
        orders = [random_order(rng, at, wallets) for at in range(ORDERS_MAX)]
        steps = [Step(order) for order in orders]
        steps += [Step(order, (unit,)) for order in orders for unit in order.units()]
        ledger = Ledger(compiled(document), wallets)
        run(ledger, interleaved(rng, steps))

        assert ledger.balance() == 0, (number, document)
        assert {(row.measure, row.granted) for row in ledger.counters.rows.values()} <= {(0, 0)}
