"""Mutants of the points engine: small wrong changes, each with the test that catches it."""

from pathlib import Path
from typing import Final, NamedTuple

ROOT: Final = Path(__file__).resolve().parents[3]
LOYALTY: Final = ROOT / "services" / "loyalty"
WORLDS: Final = "tests/loyalty/earning/domain/test_worlds.py::"
SERVING: Final = "tests/loyalty/promotions/domain/test_serving.py::"
RULES: Final = "tests/loyalty/earning/events/test_rules.py::"
GOALS: Final = "tests/loyalty/earning/events/test_goals.py::"
BUDGETS: Final = "tests/loyalty/earning/events/test_budgets.py::"
HOLDS: Final = "tests/loyalty/checkout/usecases/test_owners.py::"
BALANCE: Final = WORLDS + "test_a_balance_is_what_the_oracle_says_of_what_is_left"
CLERK: Final = SERVING + "test_all_discounts_together_are_those_of_a_clerk"
TRIED: Final = SERVING + "test_each_discount_alone_is_what_trying_everything_finds"


class Mutant(NamedTuple):
    """One change of one place in a file below `services/loyalty`, and the test that must fail with it."""

    name: str
    file: str
    was: str
    becomes: str
    caught_by: str

    @property
    def module(self) -> str:
        """Return the name of the module."""
        return "services.loyalty." + self.file.removesuffix(".py").replace("/", ".")

    @property
    def text(self) -> str:
        """Return the module as it is."""
        return (LOYALTY / self.file).read_text()

    @property
    def mutated(self) -> str:
        """Return the module with the change."""
        return self.text.replace(self.was, self.becomes)


MUTANTS: Final = (
    Mutant(
        "a part of a unit of money earns too", "earning/domain/rules/points_per_amount.py",
        "eligible.amount_minor // unit_of(eligible.currency) * rate",
        "-(-eligible.amount_minor // unit_of(eligible.currency)) * rate",
        BALANCE,
    ),
    Mutant(
        "a multiplier grants the base once more", "earning/domain/rules/multiplier.py",
        "worth.numerator * (self.percent - WHOLE)", "worth.numerator * self.percent",
        BALANCE,
    ),
    Mutant(
        "a cap passes one point more", "earning/domain/levels.py",
        "passed = min(wanted, max(level.cap.limit - self.granted(level, wallets), 0))",
        "passed = min(wanted, max(level.cap.limit + 1 - self.granted(level, wallets), 0))",
        BALANCE,
    ),
    Mutant(
        "an outer cap counts what an inner one cut", "earning/domain/levels.py",
        "            wanted = passed\n        return wanted\n\n    def passes",
        "        return passed\n\n    def passes",
        BALANCE,
    ),
    Mutant(
        "a return does not lower the measure of a cap", "earning/domain/levels.py",
        "self.row(level.of(owned)).measure -= part", "self.row(level.of(owned)).measure -= 0",
        BALANCE,
    ),
    Mutant(
        "the first lots of a cap pay for a return, not the latest", "earning/domain/falling.py",
        "key=lambda counted: (counted.earned_at, counted.id), reverse=True)",
        "key=lambda counted: (counted.earned_at, counted.id))",
        RULES + "test_what_a_return_cannot_take_of_its_own_lots_it_takes_of_the_latest_ones",
    ),
    Mutant(
        "a week begins on Sunday", "earning/domain/periods.py",
        "timedelta(days=day.weekday())", "timedelta(days=(day.weekday() + 1) % 7)",
        BALANCE,
    ),
    Mutant(
        "what a rule keeps goes with the first unit", "earning/domain/leaving.py",
        "return grant.wanted if counts else 0", "return grant.wanted if counts and not returned else 0",
        BALANCE,
    ),
    Mutant(
        "units that went back before go back again", "earning/domain/leaving.py",
        "[*before, *units]", "[*units]",
        BALANCE,
    ),
    Mutant(
        "the last unit gets all that is rounded", "purchases/domain/attribution.py",
        "return line.amount_minor * units // line.quantity",
        "return line.amount_minor // line.quantity * units if units < line.quantity else line.amount_minor",
        "tests/loyalty/purchases/domain/test_attribution.py::test_each_unit_owns_what_a_count_unit_by_unit_gives_it",
    ),
    Mutant(
        "a goal is completed one short", "earning/domain/goals.py",
        "min(self.often, measure // self.target)", "min(self.often, (measure + 1) // self.target)",
        GOALS + "test_every_fifth_purchase_is_a_completion_and_returns_take_the_last_one",
    ),
    Mutant(
        "a goal is completed without end", "earning/domain/goals.py",
        "min(self.often, measure // self.target)", "measure // self.target",
        GOALS + "test_random_goals_in_any_order_through_merges_and_unmerges",
    ),
    Mutant(
        "a budget forgets what this transaction took", "earning/domain/budgets.py",
        "max(self.ceiling - self.used - self.held - self.taken, 0)", "max(self.ceiling - self.used - self.held, 0)",
        BUDGETS + "test_buying_and_returning_at_once_changes_no_budget",
    ),
    Mutant(
        "a return gives nothing back to its budget", "earning/domain/budgets.py",
        "self.rows.setdefault(key, Quota(0, 0, 0)).taken -= points",
        "self.rows.setdefault(key, Quota(0, 0, 0)).taken -= 0",
        BUDGETS + "test_a_budget_serves_who_is_booked_first_and_gets_back_what_is_returned",
    ),
    Mutant(
        "promotions of the order see list prices", "promotions/domain/serving.py",
        "(cart if stage is Stage.LINE else cart.at(left.amounts))", "cart",
        CLERK,
    ),
    Mutant(
        "a discount takes more than its line has left", "promotions/domain/serving.py",
        "[min(off[line], left[line]) for line in order]", "[off[line] for line in order]",
        CLERK,
    ),
    Mutant(
        "shipping is taken off twice", "promotions/domain/serving.py",
        "self.shipping -= discount.shipping", "self.shipping -= 0",
        CLERK,
    ),
    Mutant(
        "an exclusive promotion is served with the others", "promotions/domain/serving.py",
        "[promotion for promotion in usable if not promotion.rule.exclusive]", "list(usable)",
        CLERK,
    ),
    Mutant(
        "the cheapest units are bundled first", "earning/domain/promotions/bundle.py",
        "dearest_first=True", "dearest_first=False",
        TRIED,
    ),
    Mutant(
        "a bundle that saves nothing is sold", "earning/domain/promotions/bundle.py",
        "if worth(middle) - worth(middle - 1) > price:", "if worth(middle) - worth(middle - 1) >= 0:",
        TRIED,
    ),
    Mutant(
        "the first units cost one unit more", "earning/domain/promotions/units.py",
        "bisect_left(self._counts, wanted, lo=1) - 1", "bisect_left(self._counts, wanted, lo=1)",
        "tests/loyalty/promotions/domain/test_units.py::test_the_first_units_cost_what_they_cost_singly",
    ),
    Mutant(
        "a tender pays with a point too few", "checkout/domain/paying.py",
        "Tender(-(-worth * value.points // value.amount_minor), worth)",
        "Tender(worth * value.points // value.amount_minor, worth)",
        "tests/loyalty/checkout/domain/test_paying.py::test_points_pay_what_they_are_worth_up_to_what_is_due",
    ),
    Mutant(
        "a partial commit spends all that is held", "checkout/domain/paying.py",
        "return attribution.points_of(points, base, lines, units)", "return points",
        "tests/loyalty/checkout/domain/test_paying.py::test_points_of_kept_units_are_those_that_an_oracle_spreads",
    ),
    Mutant(
        "a hold is over without falling due", "ledger/domain/holding.py",
        "if wallet.next_due_at is None or expires_at < wallet.next_due_at:", "if wallet.next_due_at is None:",
        HOLDS + "test_a_hold_is_over_before_its_lot_expires",
    ),
    Mutant(
        "points that a commit does not need stay away", "ledger/domain/holding.py",
        "back.append(held - spent)", "back.append(0)",
        "tests/loyalty/checkout/api/test_holds.py::test_a_part_of_a_hold_is_spent_and_the_rest_is_free",
    ),
    Mutant(
        "a cancelled hold pays no debt", "ledger/domain/holding.py",
        "settling.cover(journal, member, PostingCause(CauseKind.HOLD_CANCEL, hold.id), journal.now)", "pass",
        HOLDS + "test_points_that_come_back_pay_what_is_owed",
    ),
)  # fmt: skip
