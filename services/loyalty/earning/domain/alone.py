"""Tell the rules and promotions that answer for one unit of an article alone from those that look at the rest of the order."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import TypeVar

from services.loyalty.earning.domain import conditions
from services.loyalty.earning.domain.compiling import CompiledRulebook
from services.loyalty.earning.domain.document import Stacking
from services.loyalty.earning.domain.documents import PURCHASE
from services.loyalty.earning.domain.promotions import FixedPrice, OffPerUnit, PercentOffLines
from services.loyalty.earning.domain.promotions.terms import PromotionTerms
from services.loyalty.earning.domain.rules import Multiplier, PointsPerAmount, PointsPerUnit, Rule
from services.loyalty.earning.domain.rules.terms import Selection

T = TypeVar("T")


class NotAlone(StrEnum):
    """The reason why a rule or a promotion says nothing about one unit of an article alone.

    `order`: its kind or its condition looks at the whole order, such as a threshold. `limit`: it has a most per order. `group`: it competes with
    other rules for the order. `exclusive`: it competes with all other promotions for the order.
    """

    ORDER = "order"
    LIMIT = "limit"
    GROUP = "group"
    EXCLUSIVE = "exclusive"


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A rule or a promotion that says nothing about an article alone."""

    code: str
    why: NotAlone


@dataclass(frozen=True, slots=True)
class Parted:
    """The rules and promotions of a version that answer for an article alone, and those that do not, in the order in which they are served."""

    book: CompiledRulebook
    rules: tuple[LeftOut, ...]
    promotions: tuple[LeftOut, ...]


def part(book: CompiledRulebook, at: datetime) -> Parted:
    """Return the part of a version that answers for an article alone. What does not hold at `at` is not told of."""
    bases, multipliers = book.bases_on.get(PURCHASE, ()), book.multipliers_on.get(PURCHASE, ())
    rules: list[Rule] = [*(base.rule for base in bases), *(multiplier.rule for multiplier in multipliers)]
    rules.sort(key=lambda rule: book.turn_of[rule.code])
    terms = [promotion.rule for promotion in book.promotions]
    out_rules = {rule.code: why for rule in rules if (why := _why_rule(book, rule)) is not None}
    for rule in rules:
        if isinstance(rule, Multiplier) and rule.of in out_rules:
            out_rules.setdefault(rule.code, out_rules[rule.of])
    out_promotions = {term.code: why for term in terms if (why := _why_promotion(term)) is not None}
    alone = replace(
        book,
        bases_on={PURCHASE: _without(bases, out_rules, lambda rule: rule.rule.code)},
        multipliers_on={PURCHASE: _without(multipliers, out_rules, lambda rule: rule.rule.code)},
        promotions=_without(book.promotions, out_promotions, lambda promotion: promotion.rule.code),
    )
    return Parted(alone, tuple(_told(rules, out_rules, at)), tuple(_told(terms, out_promotions, at)))


def _why_rule(book: CompiledRulebook, rule: Rule) -> NotAlone | None:
    if not isinstance(rule, PointsPerAmount | PointsPerUnit | Multiplier) or _looks_further(rule):
        return NotAlone.ORDER
    if rule.order_max is not None:
        return NotAlone.LIMIT
    if rule.group is not None and book.groups[rule.group].stacking in (Stacking.BEST, Stacking.FIRST):
        return NotAlone.GROUP
    return None


def _why_promotion(promotion: PromotionTerms) -> NotAlone | None:
    if not isinstance(promotion, PercentOffLines | OffPerUnit | FixedPrice) or _looks_further(promotion):
        return NotAlone.ORDER
    if promotion.at_most is not None:
        return NotAlone.LIMIT
    return NotAlone.EXCLUSIVE if promotion.exclusive else None


def _looks_further(selection: Selection) -> bool:
    """Return whether a condition would be answered otherwise if there were more units."""
    return any(
        node is not None and not conditions.is_frozen(node) for node in (selection.when, selection.lines)
    )


def _without(found: Iterable[T], out: Container[str], code_of: Callable[[T], str]) -> tuple[T, ...]:
    return tuple(element for element in found if code_of(element) not in out)


def _told(selections: Iterable[Selection], out: Mapping[str, NotAlone], at: datetime) -> Iterator[LeftOut]:
    for selection in selections:
        has_begun = selection.begins_at is None or selection.begins_at <= at
        if selection.code in out and has_begun and (selection.ends_at is None or at < selection.ends_at):
            yield LeftOut(selection.code, out[selection.code])
