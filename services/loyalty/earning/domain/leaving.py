"""Work out what is left of a grant when units have gone back: a function that never rises with returned units.

W(all units) is what the rule wanted, W(no unit) is 0, and a return takes back W(before) − W(after). So partial returns in
any order add up to the full one, and a full one leaves nothing, whatever the rule.

* *share*: what fell on the units that are left, by the formula of `attribution.py`.
* *requalify*: what the rule wants for the units that are left. If the order no longer meets its conditions, that is nothing.
  A group `best` is answered again as a whole, because its one grant stands for all its rules.
* *keep*: everything, until the last unit that counts has gone back.

A rule that was first of its group, and the lines that a multiplier won, stay what they were: chosen again, they could
rise on a later return.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from services.loyalty.earning.domain import evaluating
from services.loyalty.earning.domain.cart import Cart, mask_of
from services.loyalty.earning.domain.compiling import CompiledRule, CompiledRulebook
from services.loyalty.earning.domain.document import Stacking
from services.loyalty.earning.domain.evaluating import Wanted
from services.loyalty.earning.domain.rules import Multiplier
from services.loyalty.earning.domain.rules.grants import Nothing
from services.loyalty.earning.domain.rules.terms import OnReturn
from services.loyalty.purchases.domain import attribution
from services.loyalty.purchases.domain.facts import Line, UnitRange

CartOf = Callable[[Sequence[UnitRange]], Cart]
"""Returns the cart of what is left of a purchase when these units are gone."""


@dataclass(frozen=True, slots=True)
class GrantFacts:
    """The facts of a grant that decide what a return takes of it."""

    rule: str
    wanted: int
    base: int
    eligible: tuple[int, ...] | None


def taken(
    book: CompiledRulebook,
    grant: GrantFacts,
    lines: Sequence[Line],
    before: Sequence[UnitRange],
    units: Sequence[UnitRange],
    cart_of: CartOf,
) -> int:
    """Return how many of the wanted points these units take with them, after the units `before` went back."""
    if (
        book.rule(grant.rule).left_by is OnReturn.SHARE
    ):  # the formula adds up, so it needs no look at what went before
        return attribution.points_of(grant.wanted, grant.base, lines, units, grant.eligible)
    left = left_of(book, grant, lines, before, cart_of)
    return left - left_of(book, grant, lines, [*before, *units], cart_of)


def left_of(
    book: CompiledRulebook,
    grant: GrantFacts,
    lines: Sequence[Line],
    returned: Sequence[UnitRange],
    cart_of: CartOf,
) -> int:
    """Return what is left of the wanted points when these units have gone back."""
    match book.rule(grant.rule).left_by:
        case OnReturn.SHARE:
            gone = attribution.points_of(grant.wanted, grant.base, lines, returned, grant.eligible)
            return grant.wanted - gone
        case OnReturn.KEEP:
            counts = cart_of(returned).everything & mask_of(grant.eligible, lines)
            return grant.wanted if counts else 0
        case OnReturn.REQUALIFY:
            if not returned:
                return grant.wanted
            again = _requalified(book, grant, cart_of(returned), mask_of(grant.eligible, lines))
            return min(grant.wanted, again)  # a budget may have refused a part, which counts as never wanted


def _requalified(book: CompiledRulebook, grant: GrantFacts, cart: Cart, mask: int) -> int:
    multiplier = book.multiplier_of.get(grant.rule)
    if multiplier is not None:
        return _points(_multiplied(book, multiplier, cart, mask))
    group = book.groups.get(book.rule(grant.rule).group or "")
    if group is not None and group.stacking is Stacking.BEST:
        members = [base for base in book.bases if base.rule.group == group.code]
        return max(_points(evaluating.want(member, cart)) for member in members)
    return _points(evaluating.want(book.base_of[grant.rule], cart))


def _multiplied(
    book: CompiledRulebook, multiplier: CompiledRule[Multiplier], cart: Cart, mask: int
) -> evaluating.Answer:
    """Return what a multiplier wants for what is left of its lines.

    A rule that is answered again itself is multiplied only for the lines that still count for it.
    """
    again = multiplier.mask(cart)
    if isinstance(again, Nothing):
        return again
    base = book.base_of[multiplier.rule.of]
    if base.rule.left_by is OnReturn.REQUALIFY:
        multiplied = evaluating.want(base, cart)
        again = 0 if isinstance(multiplied, Nothing) else again & multiplied.mask
    return evaluating.on_top(book, multiplier, cart, again & mask)


def _points(answer: evaluating.Answer) -> int:
    return answer.points if isinstance(answer, Wanted) else 0
