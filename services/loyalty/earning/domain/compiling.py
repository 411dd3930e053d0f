"""A rulebook compiled once per version: its conditions as functions, its rules in the order in which they are served."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Generic, TypeVar

from services.loyalty.earning.domain import conditions
from services.loyalty.earning.domain.budgets import Budget
from services.loyalty.earning.domain.cart import Cart
from services.loyalty.earning.domain.conditions import Among, Is, Select, When
from services.loyalty.earning.domain.document import Cap, Group, RulebookDocument, parse_document
from services.loyalty.earning.domain.fact_names import MEMBER_TIER
from services.loyalty.earning.domain.goals import Goal, Measure
from services.loyalty.earning.domain.promotions.terms import PromotionTerms
from services.loyalty.earning.domain.rules import BaseRule, Multiplier
from services.loyalty.earning.domain.rules.grants import Nothing
from services.loyalty.earning.domain.rules.terms import Eligible, Fraction, Selection, Terms
from services.loyalty.purchases.domain.reasons import Reason

R = TypeVar("R", bound=Terms)
S = TypeVar("S", bound=Selection)

DOCUMENT_POINTS_MAX = 1_000_000_000_000
"""Points that all rules of a document together can want for one order. Each rule has an equal part of them.

Then nine thousand such orders of a member stay below 2**53, and nine million below 2**63. The part of one of the most rules
that a document can have is more than an `order_max` can say, so it never cuts one.
"""

_ALWAYS = datetime.min.replace(tzinfo=UTC)
_NEVER = datetime.max.replace(tzinfo=UTC)


class CompiledSelection(Generic[S]):
    """A rule or a goal with its conditions as functions."""

    __slots__ = ("_begins_at", "_ends_at", "_lines", "_nothing", "_when", "rule", "trigger")

    def __init__(self, rule: S) -> None:
        """Compile the conditions of a rule or a goal."""
        self.rule: S = rule
        self.trigger = rule.trigger
        self._begins_at = rule.begins_at or _ALWAYS
        self._ends_at = rule.ends_at or _NEVER
        self._when: When | None = conditions.when(rule.when) if rule.when is not None else None
        self._lines: Select | None = conditions.select(rule.lines) if rule.lines is not None else None
        self._nothing = {reason: Nothing(rule.code, reason) for reason in Reason}

    def mask(self, cart: Cart) -> int | Nothing:
        """Return the set of the lines of a cart that count; nothing if the rule does not hold for the cart."""
        if not self._begins_at <= cart.occurred_at < self._ends_at:
            return self._nothing[Reason.NOT_IN_FORCE]
        if self.trigger != cart.trigger or (self._when is not None and not self._when(cart)):
            return self._nothing[Reason.CONDITION]
        mask = cart.everything if self._lines is None else self._lines(cart)
        return mask or self._nothing[Reason.NO_LINE]

    def nothing(self, reason: Reason) -> Nothing:
        """Return the answer that the rule grants nothing for this reason."""
        return self._nothing[reason]


class CompiledRule(CompiledSelection[R]):
    """A rule with its conditions as functions."""

    __slots__ = ("_most",)

    def __init__(self, rule: R, most: int) -> None:
        """Compile a rule that wants `most` points for one order, or its own `order_max`."""
        super().__init__(rule)
        self._most = rule.order_max or most

    def limited(self, points: int) -> int:
        """Return points, but no more than the rule grants for one order."""
        return min(points, self._most)


class CompiledGoal(CompiledSelection[Goal]):
    """A goal with its conditions as functions."""

    __slots__ = ()

    def counted(self, cart: Cart) -> int | Nothing:
        """Return how much a cart counts for the goal; nothing, with its reason, if it does not count."""
        mask = self.mask(cart)
        if isinstance(mask, Nothing):
            return mask
        match self.rule.measure:
            case Measure.AMOUNT:
                if cart.currency != self.rule.currency:
                    return self.nothing(Reason.NO_RATE)
                return cart.amount(mask) or self.nothing(Reason.ZERO)
            case Measure.QUANTITY:
                return cart.quantity(mask)
            case _:  # purchases, active days, and activities of a kind
                return 1


class CompiledPromotion(CompiledSelection[PromotionTerms]):
    """A promotion with its conditions as functions."""

    __slots__ = ("_further",)

    def __init__(self, promotion: PromotionTerms) -> None:
        """Compile the conditions of a promotion."""
        super().__init__(promotion)
        self._further = [
            None if condition is None else conditions.select(condition) for _, condition in promotion.further
        ]

    def picked(self, cart: Cart) -> list[int]:
        """Return the lines that each of its further conditions picks."""
        return [cart.everything if select is None else select(cart) for select in self._further]


def eligible_of(cart: Cart, mask: int) -> Eligible:
    """Return the lines of a set, added up."""
    return Eligible(cart.currency, cart.amount(mask), cart.quantity(mask), cart.facts)


def worth_of(base: CompiledRule[BaseRule], cart: Cart, mask: int) -> Fraction | None:
    """Return what a rule's points for a set of lines are before they are rounded; None: nothing."""
    return base.rule.worth(eligible_of(cart, mask))


@dataclass(frozen=True, slots=True)
class CompiledRulebook:
    """A compiled document. Rules stand in the order in which they are served."""

    bases: tuple[CompiledRule[BaseRule], ...]
    multipliers: tuple[CompiledRule[Multiplier], ...]
    base_of: Mapping[str, CompiledRule[BaseRule]]
    multiplier_of: Mapping[str, CompiledRule[Multiplier]]
    turn_of: Mapping[str, int]
    """The place of each rule in the order in which they are served."""
    groups: Mapping[str, Group]
    chains: Mapping[str, tuple[Cap, ...]]
    """For each cap the caps that its points pass through, the innermost first."""
    goals: tuple[CompiledGoal, ...]
    budgets: Mapping[str, Budget]
    promotions: tuple[CompiledPromotion, ...]
    needs_tier: bool
    """Whether a condition of a rule or a goal looks at the member's tier."""
    quote_needs_tier: bool
    """Whether a condition of a rule, a goal or a promotion does."""
    bases_on: Mapping[str, tuple[CompiledRule[BaseRule], ...]]
    multipliers_on: Mapping[str, tuple[CompiledRule[Multiplier], ...]]
    """The rules by what they answer to: `purchase`, or `activity:` and a kind."""

    def rule(self, code: str) -> BaseRule | Multiplier:
        """Return a rule by its code."""
        base = self.base_of.get(code)
        return self.multiplier_of[code].rule if base is None else base.rule


def parse(text: str) -> CompiledRulebook:
    """Return a stored document compiled."""
    return compiled(parse_document(text))


def compiled(document: RulebookDocument) -> CompiledRulebook:
    """Compile a document that `checks.faults` finds nothing in."""
    rules = sorted(document.rules, key=lambda rule: rule.in_turn)
    most = DOCUMENT_POINTS_MAX // max(len(rules), 1)
    bases = tuple(CompiledRule[BaseRule](rule, most) for rule in rules if not isinstance(rule, Multiplier))
    multipliers = tuple(CompiledRule(rule, most) for rule in rules if isinstance(rule, Multiplier))
    caps = {cap.code: cap for cap in document.caps}
    of_purchases = (*document.rules, *document.goals)
    return CompiledRulebook(
        bases,
        multipliers,
        {base.rule.code: base for base in bases},
        {multiplier.rule.code: multiplier for multiplier in multipliers},
        {rule.code: turn for turn, rule in enumerate(rules)},
        {group.code: group for group in document.groups},
        {code: _chain(caps, code) for code in caps},
        tuple(CompiledGoal(goal) for goal in document.goals),
        {budget.code: budget for budget in document.budgets},
        tuple(
            CompiledPromotion(promotion)
            for promotion in sorted(document.promotions, key=lambda promotion: promotion.in_turn)
        ),
        _need_tier(of_purchases),
        _need_tier((*of_purchases, *document.promotions)),
        _by_trigger(bases),
        _by_trigger(multipliers),
    )


def _by_trigger(rules: Iterable[CompiledRule[R]]) -> dict[str, tuple[CompiledRule[R], ...]]:
    """Return rules by what they answer to, in their order."""
    found: dict[str, tuple[CompiledRule[R], ...]] = {}
    for rule in rules:
        found[rule.trigger] = (*found.get(rule.trigger, ()), rule)
    return found


def _chain(caps: Mapping[str, Cap], code: str) -> tuple[Cap, ...]:
    chain = [caps[code]]
    while chain[-1].within is not None:
        chain.append(caps[chain[-1].within])
    return tuple(chain)


def _need_tier(selections: Iterable[Selection]) -> bool:
    return any(
        isinstance(node, Is | Among) and node.fact == MEMBER_TIER
        for selection in selections
        if selection.when is not None
        for node, _ in conditions.nodes(selection.when)
    )
