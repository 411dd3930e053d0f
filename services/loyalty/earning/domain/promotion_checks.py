"""Check what the shape of promotions does not say: their conditions fit their facts, ladders rise, and amounts have known currencies."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import pairwise

from services.loyalty.earning.domain import condition_checks
from services.loyalty.earning.domain.condition_checks import Known, currencies
from services.loyalty.earning.domain.conditions import Condition
from services.loyalty.earning.domain.fact_names import Scope
from services.loyalty.earning.domain.promotions import (
    AmountOff,
    Bundle,
    EveryAmountOff,
    FixedPrice,
    OffPerUnit,
    QuantityLadder,
    ThresholdOff,
)
from services.loyalty.earning.domain.promotions.terms import Amounts, PromotionTerms
from services.loyalty.earning.domain.promotions.thresholds import AmountStep
from services.loyalty.ledger.domain.documents import Fault, Place
from shared.catalogues import field_sentence

_STEPS_NOT_RISING = field_sentence(__name__, "steps_not_rising")
_CURRENCIES_DIFFER = field_sentence(__name__, "currencies_differ")


def faults(promotions: Iterable[PromotionTerms], known: Mapping[str, Known]) -> Iterator[Fault]:
    """Yield everything in promotions that contradicts itself."""
    for position, promotion in enumerate(promotions):
        place: Place = ("promotions", position)
        yield from condition_checks.selection(place, promotion, known, None)
        for further, condition in _own(promotion):
            yield from condition_checks.condition((*place, *further), condition, Scope.LINE, known)
        for name, amounts in _amounts(promotion):
            yield from currencies((*place, *name), amounts)
        yield from _thresholds(place, promotion)


def _own(promotion: PromotionTerms) -> Iterator[tuple[Place, Condition]]:
    """Yield the conditions on lines that a promotion has beside `lines`."""
    for place, condition in promotion.further:
        if condition is not None and condition is not promotion.lines:
            yield place, condition


def _amounts(promotion: PromotionTerms) -> Iterator[tuple[Place, Amounts]]:
    """Yield the amounts of a promotion, each with its place."""
    if promotion.at_most is not None:
        yield ("at_most",), promotion.at_most
    match promotion:
        case AmountOff() | OffPerUnit():
            yield ("amounts",), promotion.amounts
        case FixedPrice() | Bundle():
            yield ("prices",), promotion.prices
        case EveryAmountOff():
            yield ("every",), promotion.every
            yield ("takes",), promotion.takes
        case ThresholdOff():
            for position, step in enumerate(promotion.steps):
                yield ("steps", position, "reaches"), step.reaches
                yield ("steps", position, "off"), step.off
        case _:
            pass


def _thresholds(place: Place, promotion: PromotionTerms) -> Iterator[Fault]:
    match promotion:
        case EveryAmountOff() if promotion.every.keys() != promotion.takes.keys():
            yield Fault((*place, "takes"), _CURRENCIES_DIFFER)
        case ThresholdOff():
            yield from _ladder((*place, "steps"), promotion.steps)
        case QuantityLadder():
            for position, (lower, higher) in enumerate(pairwise(promotion.steps), 1):
                if lower.quantity >= higher.quantity or lower.percent >= higher.percent:
                    yield Fault((*place, "steps", position), _STEPS_NOT_RISING)
        case _:
            pass


def _ladder(place: Place, steps: Sequence[AmountStep]) -> Iterator[Fault]:
    """Check that thresholds and what is taken off rise together, in every currency."""
    highest: dict[str, tuple[int, int]] = {}
    for position, step in enumerate(steps):
        if step.reaches.keys() != step.off.keys():
            yield Fault((*place, position, "off"), _CURRENCIES_DIFFER)
            continue
        for currency, reaches in step.reaches.items():
            lower, off = highest.get(currency, (0, 0)), step.off[currency]
            if reaches <= lower[0] or off <= lower[1]:
                yield Fault((*place, position), _STEPS_NOT_RISING)
                break
            highest[currency] = reaches, off
