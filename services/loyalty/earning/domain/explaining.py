"""Explain why a rule granted nothing, and how much is missing: the answer that a shop can show to its customer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from operator import attrgetter
from typing import NamedTuple

from services.loyalty.earning.domain import conditions, reading
from services.loyalty.earning.domain.cart import Cart
from services.loyalty.earning.domain.compiling import CompiledRulebook
from services.loyalty.earning.domain.conditions import (
    COMPARE,
    AllOf,
    Among,
    AnyOf,
    Condition,
    Is,
    NotOf,
    Sum,
    Than,
)
from services.loyalty.earning.domain.evaluating import Answers, Wanted
from services.loyalty.earning.domain.rules import Rule
from services.loyalty.earning.domain.rules.grants import Nothing
from services.loyalty.earning.domain.rules.terms import Selection
from services.loyalty.earning.domain.windows import During
from services.loyalty.purchases.domain.reasons import CutBy, Reason

DURING = "during"
"""The name that stands in place of a fact for a window of time that is not open."""


@dataclass(frozen=True, slots=True)
class Unmet:
    """A condition that an order does not meet: its fact, and what is missing if more of it would do.

    Of a sum the fact is `sum.amount`, `sum.quantity` or `sum.count`. Money is missing in minor units of the order's currency.
    """

    fact: str | None
    missing: int | None = None


@dataclass(frozen=True, slots=True)
class Applied:
    """A rule that wanted points for an order. `lines`: the numbers of the lines that count, from 1; None: all lines.

    `cut_by` None: all that was wanted is granted.
    """

    rule: str
    lines: tuple[int, ...] | None
    base_minor: int
    wanted: int
    granted: int
    cap: str | None
    budget: str | None
    cut_by: CutBy | None


class Granted(NamedTuple):
    """The points that were granted, and what a budget had left of those that were wanted (None: it is not known apart)."""

    points: int
    left_by_budget: int | None


NOTHING = Granted(0, 0)


@dataclass(frozen=True, slots=True)
class Rejected:
    """A rule that granted nothing, with the reason, the first fact that did not meet its condition, and what is missing of it.

    Of a sum the fact is `sum.amount`, `sum.quantity` or `sum.count`. Money is missing in minor units of the order's currency.
    """

    rule: str
    reason: Reason
    fact: str | None = None
    missing: int | None = None


def applied_of(
    book: CompiledRulebook, cart: Cart, answers: Answers, granted: Mapping[str, Granted]
) -> list[Applied]:
    """Return the rules that wanted points for a cart. `granted`: what budgets and caps let through, by rule."""
    return [
        Applied(
            rule=code,
            lines=cart.numbers(answer.mask),
            base_minor=cart.amount(answer.mask),
            wanted=answer.points,
            granted=granted.get(code, NOTHING).points,
            cap=book.rule(code).cap,
            budget=book.rule(code).budget,
            cut_by=_cut_by(book.rule(code), answer.points, granted.get(code, NOTHING)),
        )
        for code, answer in answers.items()
        if isinstance(answer, Wanted)
    ]


def _cut_by(rule: Rule, wanted: int, granted: Granted) -> CutBy | None:
    """Return what cut the points of a rule. A budget is asked first; what it refuses was never wanted of the cap."""
    if granted.points >= wanted:
        return None
    left = granted.points if granted.left_by_budget is None else granted.left_by_budget
    return CutBy.BUDGET if rule.budget is not None and left < wanted else CutBy.CAP


def rejected_of(book: CompiledRulebook, cart: Cart, answers: Answers) -> list[Rejected]:
    """Return the rules that granted nothing for a cart, each with its reason."""
    return [_rejected(book, cart, answer) for answer in answers.values() if isinstance(answer, Nothing)]


def _rejected(book: CompiledRulebook, cart: Cart, answer: Nothing) -> Rejected:
    found = unmet(book.rule(answer.rule), cart) if answer.reason is Reason.CONDITION else None
    if found is None:
        return Rejected(answer.rule, answer.reason)
    return Rejected(answer.rule, answer.reason, found.fact, found.missing)


def unmet(rule: Selection, cart: Cart) -> Unmet | None:
    """Return the first condition of a rule or a goal that an order does not meet; None if it meets them all."""
    return None if rule.when is None else _unmet(rule.when, cart)


def _unmet(node: Condition, cart: Cart) -> Unmet | None:
    if conditions.when(node)(cart):
        return None
    match node:
        case AllOf() | AnyOf():
            found = [reason for part in node.of if (reason := _unmet(part, cart)) is not None]
            return found[0] if isinstance(node, AllOf) else _nearest(found)
        case NotOf():
            return Unmet(None)
        case During() | Is() | Among():
            return Unmet(DURING if isinstance(node, During) else node.fact)
        case Than():
            return Unmet(node.fact, _missing(node.op, reading.number_of(node.fact)(cart), node.value, cart))
        case Sum():
            return Unmet(
                f"sum.{node.of}", _missing(node.compare, conditions.sum_of(node)(cart), node.value, cart)
            )


def _nearest(branches: list[Unmet]) -> Unmet:
    """Return the branch of which the least is missing; without such a branch the first one."""
    below = [branch for branch in branches if branch.missing is not None]
    return min(below, key=attrgetter("missing")) if below else branches[0]


def _missing(op: str, present: int, value: int | dict[str, int], cart: Cart) -> int | None:
    """Return how much more would meet a comparison; None if more would not."""
    limit = value if isinstance(value, int) else value.get(cart.currency)
    if limit is None or op not in ("ge", "gt"):
        return None
    return limit - present + (op == "gt") if not COMPARE[op](present, limit) else None
