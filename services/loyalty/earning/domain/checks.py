"""Check what the shape of a document does not say: codes exist, conditions fit their facts, caps nest, goals can be reached."""

from __future__ import annotations

from collections.abc import Collection, Container, Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from services.loyalty.earning.domain import conditions
from services.loyalty.earning.domain.budgets import Budget
from services.loyalty.earning.domain.conditions import AllOf, Among, AnyOf, Condition, Is, NotOf, Sum, Than
from services.loyalty.earning.domain.document import Cap, Group, RulebookDocument, Stacking
from services.loyalty.earning.domain.fact_names import CATALOGUE, MEMBER_TIER, ORDER_CURRENCY, Kind, Scope
from services.loyalty.earning.domain.goals import GOAL_POINTS_MAX, Goal, Measure
from services.loyalty.earning.domain.periods import HOLDS
from services.loyalty.earning.domain.rules import FixedBonus, Multiplier, PointsPerAmount, PointsPerStep, Rule
from services.loyalty.earning.domain.rules.terms import OnReturn, Selection
from services.loyalty.ledger.domain.documents import Fault, Place
from shared import money
from shared.catalogues import Sentence, field_sentence
from shared.limits import LINES_MAX, ORDER_AMOUNT_MAX, QUANTITY_MAX

DEPTH_MAX = 6
NODES_MAX = 64
VALUES_MAX = 1_000
CAPS_DEEP_MAX = 4
MEASURED_MAX = {
    Measure.PURCHASES: 1,
    Measure.ACTIVE_DAYS: 1,
    Measure.AMOUNT: ORDER_AMOUNT_MAX,
    Measure.QUANTITY: LINES_MAX * QUANTITY_MAX,
}
"""The most that one order can count for a goal."""

_CODE_TWICE = field_sentence(__name__, "code_twice")
_CODE_UNKNOWN = field_sentence(__name__, "code_unknown")
_FACT_UNKNOWN = field_sentence(__name__, "fact_unknown")
_FACT_ELSEWHERE = field_sentence(__name__, "fact_elsewhere")
_OPERATION_UNFIT = field_sentence(__name__, "operation_unfit")
_VALUE_UNFIT = field_sentence(__name__, "value_unfit")
_CURRENCY_UNKNOWN = field_sentence(__name__, "currency_unknown")
_TIER_UNKNOWN = field_sentence(__name__, "tier_unknown")
_TOO_DEEP = field_sentence(__name__, "condition_too_deep")
_TOO_LARGE = field_sentence(__name__, "condition_too_large")
_SUM_OF_LINES = field_sentence(__name__, "sum_of_lines")
_ENDS_FIRST = field_sentence(__name__, "ends_before_it_begins")
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


@dataclass(frozen=True, slots=True)
class Known:
    """The only texts that a fact can be, and the sentence about any other text. A rule that waits for such a text would never apply."""

    texts: Container[str]
    sentence: Sentence
    values: Mapping[str, object] = field(default_factory=dict)


def faults(document: RulebookDocument, tiers: Collection[str] | None = None) -> list[Fault]:
    """Return everything in a document that contradicts itself, in the order of the document.

    `tiers` are the codes of the programme's tiers. None: any tier may be named.
    """
    known = {ORDER_CURRENCY: Known(money.CURRENCIES, _CURRENCY_UNKNOWN)}
    if tiers is not None:
        known[MEMBER_TIER] = Known(tiers, _TIER_UNKNOWN, {"known": list(tiers)})
    return [
        *_twice("rules", document.rules),
        *_twice("groups", document.groups),
        *_twice("caps", document.caps),
        *_twice("goals", document.goals, {rule.code for rule in document.rules}),
        *_twice("budgets", document.budgets),
        *_rules(document, known),
        *_groups(document),
        *_caps(document),
        *_goals(document, known),
    ]


def _twice(
    part: str, named: Iterable[Rule | Group | Cap | Goal | Budget], others: Iterable[str] = ()
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
        rule.code for rule in document.rules if not isinstance(rule, Multiplier | FixedBonus)
    }  # a bonus has no worth that could be multiplied
    for position, rule in enumerate(document.rules):
        place: Place = ("rules", position)
        if rule.group is not None and rule.group not in groups:
            yield Fault((*place, "group"), _CODE_UNKNOWN)
        if rule.cap is not None and rule.cap not in caps:
            yield Fault((*place, "cap"), _CODE_UNKNOWN)
        if rule.budget is not None and rule.budget not in budgets:
            yield Fault((*place, "budget"), _CODE_UNKNOWN)
        if isinstance(rule, Multiplier) and rule.of not in bases:
            yield Fault((*place, "of"), _MULTIPLIES_NOTHING)
        if isinstance(rule, PointsPerAmount):
            yield from _currencies((*place, "rates"), rule.rates)
        if isinstance(rule, PointsPerStep):
            yield from _currencies((*place, "steps"), rule.steps)
        yield from _selection(
            place, rule, known, _NOT_REQUALIFIED if rule.left_by is OnReturn.REQUALIFY else None
        )


def _selection(
    place: Place, rule: Selection, known: Mapping[str, Known], again: Sentence | None
) -> Iterator[Fault]:
    """Check the conditions of a rule or a goal: their facts and their sizes.

    `again`: returns answer them again, and this is the sentence about conditions that they cannot answer. None: they do not.
    """
    if rule.begins_at is not None and rule.ends_at is not None and rule.ends_at <= rule.begins_at:
        yield Fault((*place, "ends_at"), _ENDS_FIRST)
    wrong = False
    for scope, node in ((Scope.ORDER, rule.when), (Scope.LINE, rule.lines)):
        if node is None:
            continue
        here = (*place, scope.value)
        if max(depth for _, depth in conditions.nodes(node)) > DEPTH_MAX:
            yield Fault(here, _TOO_DEEP, {"most": DEPTH_MAX})
        if sum(1 for _ in conditions.nodes(node)) > NODES_MAX or _values(node) > VALUES_MAX:
            yield Fault(here, _TOO_LARGE, {"nodes": NODES_MAX, "most": VALUES_MAX})
        for fault in _node(here, node, scope, known):
            wrong = True
            yield fault
        if not wrong and again is not None and not conditions.only_falls(node):
            yield Fault(here, again)


def _values(node: Condition) -> int:
    return sum(len(inner.values) for inner, _ in conditions.nodes(node) if isinstance(inner, Among))


def _node(place: Place, node: Condition, scope: Scope, known: Mapping[str, Known]) -> Iterator[Fault]:
    match node:
        case AllOf() | AnyOf():
            for position, part in enumerate(node.of):
                yield from _node((*place, "of", position), part, scope, known)
        case NotOf():
            yield from _node((*place, "of"), node.of, scope, known)
        case Sum():
            yield from _sum(place, node, scope, known)
        case Is() | Among() | Than():
            yield from _leaf(place, node, scope, known.get(node.fact))


def _sum(place: Place, node: Sum, scope: Scope, known: Mapping[str, Known]) -> Iterator[Fault]:
    if scope is Scope.LINE:
        yield Fault((*place, "op"), _SUM_OF_LINES)
    if node.lines is not None:
        yield from _node((*place, "lines"), node.lines, Scope.LINE, known)
    kind = Kind.MONEY if node.of == "amount" else Kind.NUMBER
    yield from _value((*place, "value"), kind, node.value)


def _leaf(place: Place, node: Is | Among | Than, scope: Scope, known: Known | None) -> Iterator[Fault]:
    fact = CATALOGUE.get(node.fact)
    if fact is None:
        yield Fault((*place, "fact"), _FACT_UNKNOWN)
        return
    if fact.scope is not scope:
        yield Fault((*place, "fact"), _FACT_ELSEWHERE)
    if isinstance(node, Than) is (fact.kind is Kind.TEXT):  # texts are equal or not, all else is compared
        yield Fault((*place, "op"), _OPERATION_UNFIT)
        return
    if isinstance(node, Among):
        for position, value in enumerate(node.values):
            yield from _value((*place, "values", position), fact.kind, value, known)
    else:
        yield from _value((*place, "value"), fact.kind, node.value, known)


def _value(
    place: Place, kind: Kind, value: str | int | dict[str, int], known: Known | None = None
) -> Iterator[Fault]:
    wanted = {Kind.TEXT: str, Kind.NUMBER: int, Kind.MONEY: dict}[kind]
    if not isinstance(value, wanted):
        yield Fault(place, _VALUE_UNFIT)
    elif isinstance(value, dict):
        yield from _currencies(place, value)
    elif isinstance(value, str) and known is not None and value not in known.texts:
        yield Fault(place, known.sentence, known.values)


def _currencies(place: Place, amounts: Iterable[str], *, field_name: str | None = None) -> Iterator[Fault]:
    """Find currencies that do not exist. They are the names of amounts, or the value of a field."""
    for currency in amounts:
        if currency not in money.CURRENCIES:
            yield Fault((*place, field_name or currency), _CURRENCY_UNKNOWN)


def _groups(document: RulebookDocument) -> Iterator[Fault]:
    for position, group in enumerate(document.groups):
        members = [rule for rule in document.rules if rule.group == group.code]
        multipliers = sum(isinstance(rule, Multiplier) for rule in members)
        place: Place = ("groups", position)
        if 0 < multipliers < len(members):
            yield Fault(place, _GROUP_MIXED)
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
        if goal.budget is not None and goal.budget not in {budget.code for budget in document.budgets}:
            yield Fault((*place, "budget"), _CODE_UNKNOWN)
        if (goal.currency is None) is (goal.measure is Measure.AMOUNT):
            yield Fault((*place, "currency"), _CURRENCY_OF_AMOUNTS)
        elif goal.currency is not None:
            yield from _currencies(place, [goal.currency], field_name="currency")
        most = min(goal.often, MEASURED_MAX[goal.measure] // goal.target + 1)
        if most * goal.points > GOAL_POINTS_MAX:
            yield Fault((*place, "target"), _GOAL_TOO_LOW, {"most": GOAL_POINTS_MAX})
        yield from _selection(place, goal, known, _GOAL_NOT_AGAIN)
