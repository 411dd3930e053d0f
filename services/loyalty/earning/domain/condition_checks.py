"""Check the conditions of a document: facts are known where they stand, operations and values fit them, and sizes are within limits."""

from __future__ import annotations

from collections.abc import Collection, Container, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from zoneinfo import available_timezones

from services.loyalty.earning.domain import conditions, recurrence
from services.loyalty.earning.domain.conditions import AllOf, Among, AnyOf, Condition, Is, NotOf, Sum, Than
from services.loyalty.earning.domain.documents import PURCHASE
from services.loyalty.earning.domain.fact_names import (
    ACTIVITY,
    MEMBER_TIER,
    ORDER,
    ORDER_CURRENCY,
    Kind,
    Scope,
    fact_named,
)
from services.loyalty.earning.domain.rules.terms import Selection
from services.loyalty.earning.domain.windows import During
from services.loyalty.ledger.domain.documents import Fault, Place
from shared import money
from shared.catalogues import Sentence, field_sentence

DEPTH_MAX = 6
NODES_MAX = 64
VALUES_MAX = 1_000

_FACT_UNKNOWN = field_sentence(__name__, "fact_unknown")
_FACT_ELSEWHERE = field_sentence(__name__, "fact_elsewhere")
_OPERATION_UNFIT = field_sentence(__name__, "operation_unfit")
_VALUE_UNFIT = field_sentence(__name__, "value_unfit")
_CURRENCY_UNKNOWN = field_sentence(__name__, "currency_unknown")
_TIER_UNKNOWN = field_sentence(__name__, "tier_unknown")
_TOO_DEEP = field_sentence(__name__, "condition_too_deep")
_TOO_LARGE = field_sentence(__name__, "condition_too_large")
_SUM_OF_LINES = field_sentence(__name__, "sum_of_lines")
_WINDOW_OF_ORDER = field_sentence(__name__, "window_of_order")
_RRULE_UNKNOWN = field_sentence(__name__, "rrule_unknown")
_ZONE_UNKNOWN = field_sentence(__name__, "window_zone_unknown")
_ENDS_FIRST = field_sentence(__name__, "ends_before_it_begins")
_ACTIVITY_HAS_NO_LINES = field_sentence(__name__, "activity_has_no_lines")
_FACT_OF_PURCHASES = field_sentence(__name__, "fact_of_purchases")
_FACT_OF_ACTIVITIES = field_sentence(__name__, "fact_of_activities")


@dataclass(frozen=True, slots=True)
class Known:
    """The only texts that a fact can be, and the sentence about any other text. A rule that waits for such a text would never apply."""

    texts: Container[str]
    sentence: Sentence
    values: Mapping[str, object] = field(default_factory=dict)


def selection(
    place: Place, rule: Selection, known: Mapping[str, Known], again: Sentence | None
) -> Iterator[Fault]:
    """Check the conditions of a rule or a goal: their facts and their sizes.

    `again`: returns answer them again, and this is the sentence about conditions that they cannot answer. None: they do not.
    """
    if rule.begins_at is not None and rule.ends_at is not None and rule.ends_at <= rule.begins_at:
        yield Fault((*place, "ends_at"), _ENDS_FIRST)
    if rule.trigger != PURCHASE:
        again = None  # a reversal takes everything
        if rule.lines is not None:
            yield Fault((*place, "lines"), _ACTIVITY_HAS_NO_LINES)
    if rule.when is not None:
        yield from _other_facts((*place, "when"), rule.when, is_purchase=rule.trigger == PURCHASE)
    wrong = False
    for scope, node in ((Scope.ORDER, rule.when), (Scope.LINE, rule.lines)):
        if node is None:
            continue
        here = (*place, scope.value)
        for fault in condition(here, node, scope, known):
            wrong = wrong or fault.place != here
            yield fault
        if not wrong and again is not None and not conditions.only_falls(node):
            yield Fault(here, again)


def condition(place: Place, node: Condition, scope: Scope, known: Mapping[str, Known]) -> Iterator[Fault]:
    """Check one condition: its facts, which must be known in this scope, and its size."""
    if max(depth for _, depth in conditions.nodes(node)) > DEPTH_MAX:
        yield Fault(place, _TOO_DEEP, {"most": DEPTH_MAX})
    if sum(1 for _ in conditions.nodes(node)) > NODES_MAX or _values(node) > VALUES_MAX:
        yield Fault(place, _TOO_LARGE, {"nodes": NODES_MAX, "most": VALUES_MAX})
    yield from _node(place, node, scope, known)


def _other_facts(place: Place, node: Condition, *, is_purchase: bool) -> Iterator[Fault]:
    """Find facts that only an activity has in a condition on purchases, and the other way round."""
    other, sentence = (ACTIVITY, _FACT_OF_ACTIVITIES) if is_purchase else (ORDER, _FACT_OF_PURCHASES)
    match node:
        case AllOf() | AnyOf():
            for position, part in enumerate(node.of):
                yield from _other_facts((*place, "of", position), part, is_purchase=is_purchase)
        case NotOf():
            yield from _other_facts((*place, "of"), node.of, is_purchase=is_purchase)
        case Sum():
            if not is_purchase:
                yield Fault((*place, "op"), _ACTIVITY_HAS_NO_LINES)
        case Is() | Among() | Than():
            if node.fact.startswith(other):
                yield Fault((*place, "fact"), sentence)


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
        case During():
            yield from _window(place, node, scope)
        case Is() | Among() | Than():
            yield from _leaf(place, node, scope, known.get(node.fact))


def _sum(place: Place, node: Sum, scope: Scope, known: Mapping[str, Known]) -> Iterator[Fault]:
    if scope is Scope.LINE:
        yield Fault((*place, "op"), _SUM_OF_LINES)
    if node.lines is not None:
        yield from _node((*place, "lines"), node.lines, Scope.LINE, known)
    kind = Kind.MONEY if node.of == "amount" else Kind.NUMBER
    yield from _value((*place, "value"), kind, node.value)


def _window(place: Place, node: During, scope: Scope) -> Iterator[Fault]:
    if scope is Scope.LINE:
        yield Fault((*place, "op"), _WINDOW_OF_ORDER)
    if recurrence.read(node.rrule) is None:
        yield Fault((*place, "rrule"), _RRULE_UNKNOWN)
    if node.zone not in available_timezones():
        yield Fault((*place, "zone"), _ZONE_UNKNOWN)


def _leaf(place: Place, node: Is | Among | Than, scope: Scope, known: Known | None) -> Iterator[Fault]:
    fact = fact_named(node.fact)
    if fact is None:
        yield Fault((*place, "fact"), _FACT_UNKNOWN)
        return
    if fact.scope is not scope:
        yield Fault((*place, "fact"), _FACT_ELSEWHERE)
    if fact.kind is Kind.CODE_OR_NUMBER:
        if isinstance(node, Than):
            yield from _value((*place, "value"), Kind.NUMBER, node.value)
        return
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
        yield from currencies(place, value)
    elif isinstance(value, str) and known is not None and value not in known.texts:
        yield Fault(place, known.sentence, known.values)


def known_facts(tiers: Collection[str] | None) -> dict[str, Known]:
    """Return the facts that can only be certain texts. `tiers`: the codes of the programme's tiers; None: any tier may be named."""
    known = {ORDER_CURRENCY: Known(money.CURRENCIES, _CURRENCY_UNKNOWN)}
    if tiers is not None:
        known[MEMBER_TIER] = Known(tiers, _TIER_UNKNOWN, {"known": list(tiers)})
    return known


def currencies(place: Place, amounts: Iterable[str], *, field_name: str | None = None) -> Iterator[Fault]:
    """Find currencies that do not exist. They are the names of amounts, or the value of a field."""
    for currency in amounts:
        if currency not in money.CURRENCIES:
            yield Fault((*place, field_name or currency), _CURRENCY_UNKNOWN)
