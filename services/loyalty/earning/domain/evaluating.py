"""Evaluate the rules of one version: a pure function of the order, the frozen facts of its member, and the rulebook.

The order of evaluation: rules whose points come from the order; their groups; multipliers of the rules that are left, and
their groups. Caps come afterwards (`levels.py`), because what a rule *wants* must not depend on what came before.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple
from zoneinfo import ZoneInfo

from services.loyalty.earning.domain.cart import Cart
from services.loyalty.earning.domain.compiling import CompiledRule, CompiledRulebook, eligible_of, worth_of
from services.loyalty.earning.domain.document import Stacking
from services.loyalty.earning.domain.lives import life
from services.loyalty.earning.domain.rules import BaseRule, Multiplier
from services.loyalty.earning.domain.rules.grants import Grant, Nothing
from services.loyalty.earning.domain.rules.terms import Terms
from services.loyalty.ledger.domain.programme import Expiry
from services.loyalty.purchases.domain.reasons import Reason


class Wanted(NamedTuple):
    """A rule wants to grant `points` (> 0) for the set of lines `mask`."""

    rule: str
    mask: int
    points: int


Answer = Wanted | Nothing
Answers = dict[str, Answer]
"""The answer of each rule, by its code."""


def answers(book: CompiledRulebook, cart: Cart) -> Answers:
    """Return the answer of every rule for such a cart, in the order in which rules are served."""
    given: Answers = {base.rule.code: want(base, cart) for base in book.bases_on.get(cart.trigger, ())}
    if book.groups:
        _stack(book, cart, given)
    multipliers = book.multipliers_on.get(cart.trigger, ())
    if multipliers:
        on_top = {multiplier.rule.code: multiply(book, multiplier, cart, given) for multiplier in multipliers}
        if book.groups:
            _stack(book, cart, on_top)
        given |= on_top
        given = {code: given[code] for code in sorted(given, key=book.turn_of.__getitem__)}
    return given


def want(base: CompiledRule[BaseRule], cart: Cart) -> Answer:
    """Return what a rule wants for a cart, whatever other rules want."""
    mask = base.mask(cart)
    if isinstance(mask, Nothing):
        return mask
    points = base.rule.earned(eligible_of(cart, mask))
    if points is None:
        return base.nothing(Reason.NO_RATE)
    if points == 0:
        return base.nothing(Reason.ZERO)
    return Wanted(base.rule.code, mask, base.limited(points))


def multiply(
    book: CompiledRulebook, multiplier: CompiledRule[Multiplier], cart: Cart, given: Mapping[str, Answer]
) -> Answer:
    """Return what a multiplier wants on top of the rule that it multiplies, for the lines that count for both."""
    mask = multiplier.mask(cart)
    if isinstance(mask, Nothing):
        return mask
    multiplied = given[multiplier.rule.of]
    if isinstance(multiplied, Nothing):
        return multiplier.nothing(Reason.NOTHING_TO_MULTIPLY)
    return on_top(book, multiplier, cart, mask & multiplied.mask)


def on_top(book: CompiledRulebook, multiplier: CompiledRule[Multiplier], cart: Cart, mask: int) -> Answer:
    """Return what a multiplier wants for a set of lines."""
    worth = worth_of(book.base_of[multiplier.rule.of], cart, mask) if mask else None
    if worth is None:
        return multiplier.nothing(Reason.NOTHING_TO_MULTIPLY)
    points = multiplier.rule.on_top(worth)
    if points == 0:
        return multiplier.nothing(Reason.ZERO)
    return Wanted(multiplier.rule.code, mask, multiplier.limited(points))


def grants(
    book: CompiledRulebook, cart: Cart, given: Iterable[Answer], zone: ZoneInfo, expiry: Expiry | None
) -> list[Grant]:
    """Return the answers that want points as grants with their dates, in the order in which they are served."""
    return [
        _grant(book.rule(answer.rule), cart, answer, zone, expiry)
        for answer in given
        if isinstance(answer, Wanted)
    ]


def _grant(
    rule: BaseRule | Multiplier, cart: Cart, wanted: Wanted, zone: ZoneInfo, expiry: Expiry | None
) -> Grant:
    by_units = not isinstance(rule, Multiplier) and rule.by_units
    ends = life(rule, cart.occurred_at, zone, expiry)
    return Grant(
        rule=rule.code,
        points=wanted.points,
        base=0 if by_units else cart.amount(wanted.mask),
        eligible=cart.numbers(wanted.mask),
        available_at=ends.available_at,
        expires_at=ends.expires_at,
        slides=ends.slides,
    )


@dataclass(frozen=True, slots=True)
class _Contest:
    """The rules of a group that want points, in the order in which they are served."""

    stacking: Stacking
    wanted: list[Wanted]


def _stack(book: CompiledRulebook, cart: Cart, given: Answers) -> None:
    """Let the rules of each group compete: the answers of those that lose become nothing."""
    contests: dict[str, _Contest] = {}
    for code, answer in given.items():
        rule: Terms = book.rule(code)
        if isinstance(answer, Wanted) and rule.group is not None:
            contest = contests.setdefault(rule.group, _Contest(book.groups[rule.group].stacking, []))
            contest.wanted.append(answer)
    for contest in contests.values():
        for wanted in contest.wanted:
            given[wanted.rule] = Nothing(wanted.rule, Reason.LESS_THAN_BEST)
        given |= {winner.rule: winner for winner in _winners(book, cart, contest)}


def _winners(book: CompiledRulebook, cart: Cart, contest: _Contest) -> list[Wanted]:
    match contest.stacking:
        case Stacking.FIRST:
            return contest.wanted[:1]
        case Stacking.BEST:
            return [max(contest.wanted, key=lambda wanted: wanted.points)]  # the first of equals
        case Stacking.BEST_PER_LINE:
            return _best_per_line(book, cart, contest.wanted)


def _best_per_line(book: CompiledRulebook, cart: Cart, wanted: list[Wanted]) -> list[Wanted]:
    """Give each line to the multiplier that wants the most for it alone, the first of equals."""
    masks = dict.fromkeys((answer.rule for answer in wanted), 0)
    rivals = [(answer.rule, answer.mask, book.multiplier_of[answer.rule]) for answer in wanted]
    bases = {multiplier.rule.of for _, _, multiplier in rivals}
    for line in range(len(cart.lines)):
        single, best, most = 1 << line, None, -1
        worths = {code: worth_of(book.base_of[code], cart, single) for code in bases}
        for code, mask, multiplier in rivals:  # 200 rules and 1,000 lines come here 200,000 times
            if mask & single:
                worth = worths[multiplier.rule.of]
                points = 0 if worth is None else multiplier.limited(multiplier.rule.on_top(worth))
                if points > most:
                    best, most = code, points
        if best is not None:
            masks[best] |= single
    won = [on_top(book, book.multiplier_of[code], cart, mask) for code, mask in masks.items() if mask]
    return [answer for answer in won if isinstance(answer, Wanted)]
