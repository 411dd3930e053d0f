"""Check what the shape of a document does not say: codes exist, conditions fit their facts, caps nest, goals can be reached."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping

from services.loyalty.earning.domain import condition_checks, promotion_checks
from services.loyalty.earning.domain.budgets import Budget
from services.loyalty.earning.domain.condition_checks import Known, currencies, selection
from services.loyalty.earning.domain.document import Cap, Group, RulebookDocument, Stacking
from services.loyalty.earning.domain.documents import PURCHASE
from services.loyalty.earning.domain.fact_names import Kind, fact_named
from services.loyalty.earning.domain.goals import GOAL_POINTS_MAX, Goal, Measure
from services.loyalty.earning.domain.periods import HOLDS
from services.loyalty.earning.domain.promotions.terms import PromotionTerms
from services.loyalty.earning.domain.rules import (
    FixedBonus,
    Multiplier,
    PointsPerAmount,
    PointsPerFact,
    PointsPerStep,
    PointsPerUnit,
    Rule,
)
from services.loyalty.earning.domain.rules.terms import OnReturn, Terms
from services.loyalty.ledger.domain.documents import Fault, Place
from shared.catalogues import field_sentence
from shared.limits import LINES_MAX, ORDER_AMOUNT_MAX, QUANTITY_MAX

CAPS_DEEP_MAX = 4
MEASURED_MAX: dict[str, int] = {
    Measure.PURCHASES: 1,
    Measure.ACTIVE_DAYS: 1,
    Measure.AMOUNT: ORDER_AMOUNT_MAX,
    Measure.QUANTITY: LINES_MAX * QUANTITY_MAX,
}
"""The most that one order can count for a goal. An activity counts 1."""

_CODE_TWICE = field_sentence(__name__, "code_twice")
_CODE_UNKNOWN = field_sentence(__name__, "code_unknown")
_MULTIPLIES_NOTHING = field_sentence(__name__, "multiplies_nothing")
_GROUP_MIXED = field_sentence(__name__, "group_mixed")
_GROUP_OF_MULTIPLIERS = field_sentence(__name__, "group_of_multipliers")
_BEST_DIFFERS = field_sentence(__name__, "best_differs")
_CAP_CIRCLE = field_sentence(__name__, "cap_circle")
_CAPS_TOO_DEEP = field_sentence(__name__, "caps_too_deep")
_PERIOD_TOO_SHORT = field_sentence(__name__, "period_too_short")
_CURRENCY_OF_AMOUNTS = field_sentence(__name__, "currency_of_amounts")
_GOAL_TOO_LOW = field_sentence(__name__, "goal_too_low")
_GOAL_NOT_AGAIN = field_sentence(__name__, "goal_not_again")
_NOT_REQUALIFIED = field_sentence(__name__, "not_requalified")
_KIND_OF_PURCHASES = field_sentence(__name__, "kind_of_purchases")
_KIND_OF_ACTIVITIES = field_sentence(__name__, "kind_of_activities")
_ACTIVITY_GOES_WHOLE = field_sentence(__name__, "activity_goes_whole")
_NEVER_AND_EXPIRES = field_sentence(__name__, "never_and_expires")
_FACT_NO_NUMBER = field_sentence(__name__, "fact_no_number")
_GROUP_OF_SEVERAL = field_sentence(__name__, "group_of_several")


def faults(document: RulebookDocument, tiers: Collection[str] | None = None) -> list[Fault]:
    """Return everything in a document that contradicts itself, in the order of the document.

    `tiers` are the codes of the programme's tiers. None: any tier may be named.
    """
    known = condition_checks.known_facts(tiers)
    return [
        *_twice("rules", document.rules),
        *_twice("groups", document.groups),
        *_twice("caps", document.caps),
        *_twice("goals", document.goals, {rule.code for rule in document.rules}),
        *_twice("budgets", document.budgets),
        *_twice("promotions", document.promotions),
        *_rules(document, known),
        *_groups(document),
        *_caps(document),
        *_goals(document, known),
        *promotion_checks.faults(document.promotions, known),
    ]


def _twice(
    part: str,
    named: Iterable[Rule | Group | Cap | Goal | Budget | PromotionTerms],
    others: Iterable[str] = (),
) -> Iterator[Fault]:
    """Find codes that were given before. A lot has the code of its rule or goal, so these share none (`others`)."""
    seen = set(others)
    for position, entry in enumerate(named):
        if entry.code in seen:
            yield Fault((part, position, "code"), _CODE_TWICE)
        seen.add(entry.code)


def _rules(document: RulebookDocument, known: Mapping[str, Known]) -> Iterator[Fault]:
    groups, caps = {group.code for group in document.groups}, {cap.code for cap in document.caps}
    budgets = {budget.code for budget in document.budgets}
    bases = {
        (rule.code, rule.trigger) for rule in document.rules if not isinstance(rule, Multiplier | FixedBonus)
    }  # a bonus has no worth that could be multiplied
    for position, rule in enumerate(document.rules):
        place: Place = ("rules", position)
        if rule.group is not None and rule.group not in groups:
            yield Fault((*place, "group"), _CODE_UNKNOWN)
        if rule.cap is not None and rule.cap not in caps:
            yield Fault((*place, "cap"), _CODE_UNKNOWN)
        if rule.budget is not None and rule.budget not in budgets:
            yield Fault((*place, "budget"), _CODE_UNKNOWN)
        if isinstance(rule, Multiplier) and (rule.of, rule.trigger) not in bases:
            yield Fault((*place, "of"), _MULTIPLIES_NOTHING)
        if isinstance(rule, PointsPerAmount):
            yield from currencies((*place, "rates"), rule.rates)
        if isinstance(rule, PointsPerStep):
            yield from currencies((*place, "steps"), rule.steps)
        yield from _life(place, rule)
        yield from _trigger(place, rule)
        yield from selection(
            place, rule, known, _NOT_REQUALIFIED if rule.left_by is OnReturn.REQUALIFY else None
        )


def _life(place: Place, terms: Terms | Goal) -> Iterator[Fault]:
    """Check that points do not live for ever and expire."""
    if terms.never_expires and (terms.expires_after_months or terms.expires_until_end_of):
        yield Fault((*place, "never_expires"), _NEVER_AND_EXPIRES)


def _trigger(place: Place, rule: Rule) -> Iterator[Fault]:
    """Check that a rule is of a kind that purchases have or activities have, whichever it is for."""
    if rule.trigger == PURCHASE:
        if isinstance(rule, PointsPerFact):
            yield Fault((*place, "on"), _KIND_OF_ACTIVITIES)
        return
    if isinstance(rule, PointsPerAmount | PointsPerStep | PointsPerUnit):
        yield Fault((*place, "kind"), _KIND_OF_PURCHASES)
    if isinstance(rule, PointsPerFact) and (
        (fact := fact_named(rule.fact)) is None or fact.kind is not Kind.CODE_OR_NUMBER
    ):
        yield Fault((*place, "fact"), _FACT_NO_NUMBER)
    if rule.on_return is not None:
        yield Fault((*place, "on_return"), _ACTIVITY_GOES_WHOLE)


def _groups(document: RulebookDocument) -> Iterator[Fault]:
    for position, group in enumerate(document.groups):
        members = [rule for rule in document.rules if rule.group == group.code]
        multipliers = sum(isinstance(rule, Multiplier) for rule in members)
        place: Place = ("groups", position)
        if 0 < multipliers < len(members):
            yield Fault(place, _GROUP_MIXED)
        if len({rule.trigger for rule in members}) > 1:
            yield Fault(place, _GROUP_OF_SEVERAL)
        if group.stacking is Stacking.BEST_PER_LINE and multipliers < len(members):
            yield Fault((*place, "stacking"), _GROUP_OF_MULTIPLIERS)
        if (
            group.stacking is Stacking.BEST
            and len({(rule.left_by, rule.cap, rule.budget) for rule in members}) > 1
        ):
            yield Fault(place, _BEST_DIFFERS)


def _caps(document: RulebookDocument) -> Iterator[Fault]:
    caps = {cap.code: cap for cap in document.caps}
    for position, cap in enumerate(document.caps):
        place: Place = ("caps", position, "within")
        if cap.within is None:
            continue
        outer = caps.get(cap.within)
        if outer is None:
            yield Fault(place, _CODE_UNKNOWN)
        elif outer.period not in HOLDS[cap.period]:
            yield Fault(place, _PERIOD_TOO_SHORT)
        chain = [cap.code]
        while (within := caps[chain[-1]].within) is not None and within in caps and within not in chain:
            chain.append(within)
        if within == cap.code:
            yield Fault(place, _CAP_CIRCLE)
        elif len(chain) > CAPS_DEEP_MAX:
            yield Fault(place, _CAPS_TOO_DEEP, {"most": CAPS_DEEP_MAX})


def _goals(document: RulebookDocument, known: Mapping[str, Known]) -> Iterator[Fault]:
    for position, goal in enumerate(document.goals):
        place: Place = ("goals", position)
        yield from _life(place, goal)
        if goal.budget is not None and goal.budget not in {budget.code for budget in document.budgets}:
            yield Fault((*place, "budget"), _CODE_UNKNOWN)
        if (goal.currency is None) is (goal.measure == Measure.AMOUNT):
            yield Fault((*place, "currency"), _CURRENCY_OF_AMOUNTS)
        elif goal.currency is not None:
            yield from currencies(place, [goal.currency], field_name="currency")
        most = min(goal.often, MEASURED_MAX.get(goal.measure, 1) // goal.target + 1)
        if most * goal.points > GOAL_POINTS_MAX:
            times = GOAL_POINTS_MAX // goal.points
            yield Fault((*place, "target"), _GOAL_TOO_LOW, {"most": GOAL_POINTS_MAX, "times": times})
        yield from selection(place, goal, known, _GOAL_NOT_AGAIN)
