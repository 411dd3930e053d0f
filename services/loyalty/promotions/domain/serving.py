"""Serve the promotions of a cart: a pure function of the cart, its shipping and the promotions of one version.

The stages are served one after the other: lines, the order, thresholds on what the others left, shipping, gifts. All promotions of a stage see the
amounts at its begin. They are served by priority and code, and each is cut to what its lines have left. So no line falls below zero.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from services.loyalty.earning.domain import explaining
from services.loyalty.earning.domain.cart import Cart
from services.loyalty.earning.domain.compiling import CompiledPromotion
from services.loyalty.earning.domain.promotions import Gift
from services.loyalty.earning.domain.promotions.terms import Basis, Missing, Off, Stage, shared
from services.loyalty.earning.domain.rules.grants import Nothing
from services.loyalty.promotions.domain.discounts import Discount, GiftLine, total_of
from services.loyalty.purchases.domain.reasons import Reason


class WhyNot(StrEnum):
    """The reason why a promotion takes nothing off.

    `condition`: the cart does not meet its condition. `no_line`: no line counts for it. `below`: its threshold is not reached, or units are
    missing. `no_rate`: it has no amount of the cart's currency. `zero`: it comes to nothing. `nothing_left`: others have taken everything off
    that it could. `less_than_best`: it is exclusive and others take off more, or an exclusive one does. `code_needed`: it needs a coupon, and the cart
    has no code of one.
    """

    CONDITION = "condition"
    NO_LINE = "no_line"
    NOT_IN_FORCE = "not_in_force"
    BELOW = "below"
    NO_RATE = "no_rate"
    ZERO = "zero"
    NOTHING_LEFT = "nothing_left"
    LESS_THAN_BEST = "less_than_best"
    CODE_NEEDED = "code_needed"


@dataclass(frozen=True, slots=True)
class Refused:
    """A promotion that takes nothing off, with its reason, the fact that is not met, and how much more of it would do (money in minor units)."""

    promotion: str
    reason: WhyNot
    fact: str | None = None
    missing: int | None = None


@dataclass(frozen=True, slots=True)
class Served:
    """The discounts of a cart in the order in which they were served, and the promotions that take nothing off, by their code."""

    discounts: tuple[Discount, ...]
    refused: tuple[Refused, ...]

    @property
    def total(self) -> int:
        """Return what is taken off altogether."""
        return total_of(self.discounts)

    @property
    def gifts(self) -> int:
        """Return how many promotions give something."""
        return sum(discount.gift is not None for discount in self.discounts)


OfLines = dict[str, Off]
"""By code, the money that promotions of the first stage would take off a cart if they were served alone. They all look at list prices."""
NONE_UNLOCKED: frozenset[str] = frozenset()


def serve(
    promotions: Sequence[CompiledPromotion],
    cart: Cart,
    shipping_minor: int,
    unlocked: Collection[str] = NONE_UNLOCKED,
    of_lines: OfLines | None = None,
) -> Served:
    """Return the discounts of a cart at list prices. `promotions` stand in the order in which they are served.

    `of_lines`: what earlier calls for the same cart have worked out; it is added to.

    Each exclusive promotion counts alone, and all others together: what takes off the most money, then what has the most gifts, the first of equals.
    A promotion that needs a coupon takes part only if it is among those that codes of the cart have `unlocked`.
    """
    known: OfLines = {} if of_lines is None else of_lines
    locked = [promotion for promotion in promotions if _is_locked(promotion, unlocked)]
    usable = [promotion for promotion in promotions if not _is_locked(promotion, unlocked)]
    compatible = [promotion for promotion in usable if not promotion.rule.exclusive]
    together = _together(compatible, cart, shipping_minor, known)
    alone = [
        _together([promotion], cart, shipping_minor, known)
        for promotion in usable
        if promotion.rule.exclusive
    ]
    best = max((together, *alone), key=lambda served: (served.total, served.gifts))
    refused = [*best.refused, *(_without_code(promotion, cart) for promotion in locked)]
    for served in (together, *alone):
        if served is not best:
            refused += served.refused
            refused += [Refused(discount.promotion, WhyNot.LESS_THAN_BEST) for discount in served.discounts]
    return Served(best.discounts, tuple(sorted(refused, key=lambda refusal: refusal.promotion)))


def _is_locked(promotion: CompiledPromotion, unlocked: Collection[str]) -> bool:
    return promotion.rule.needs is not None and promotion.rule.code not in unlocked


def _without_code(promotion: CompiledPromotion, cart: Cart) -> Refused:
    """Return why a promotion without a code takes nothing off. Of a promotion that is not in force only that is told."""
    mask = promotion.mask(cart)
    is_in_force = not isinstance(mask, Nothing) or mask.reason is not Reason.NOT_IN_FORCE
    return Refused(promotion.rule.code, WhyNot.CODE_NEEDED if is_in_force else WhyNot.NOT_IN_FORCE)


def _together(
    promotions: Sequence[CompiledPromotion], cart: Cart, shipping_minor: int, of_lines: OfLines
) -> Served:
    """Serve promotions of which none excludes another."""
    left = _Left([line.amount_minor for line in cart.lines], shipping_minor)
    discounts: list[Discount] = []
    refused: list[Refused] = []
    stages: dict[Stage, list[CompiledPromotion]] = {stage: [] for stage in Stage}
    for promotion in promotions:
        stages[promotion.rule.stage].append(promotion)
    for stage, staged in stages.items():
        if not staged:
            continue
        now, shipping = (cart if stage is Stage.LINE else cart.at(left.amounts)), left.shipping
        for promotion in staged:
            answer = _answer(promotion, _Stand(now, cart, shipping, left, of_lines))
            if isinstance(answer, Discount):
                left.take(answer)
                discounts.append(answer)
            else:
                refused.append(answer)
    return Served(tuple(discounts), tuple(refused))


@dataclass(slots=True)
class _Left:
    """The prices of lines and shipping after the discounts so far."""

    amounts: list[int]
    shipping: int

    def take(self, discount: Discount) -> None:
        self.shipping -= discount.shipping
        for line, amount in enumerate(discount.lines):
            self.amounts[line] -= amount


@dataclass(frozen=True, slots=True)
class _Stand:
    """A cart at the begin of a stage and at list prices, and what the promotions so far have left."""

    now: Cart
    listed: Cart
    shipping_minor: int
    left: _Left
    of_lines: OfLines


def _answer(promotion: CompiledPromotion, stand: _Stand) -> Discount | Refused:
    """Return what a promotion takes off, or why it takes nothing off."""
    now, left = stand.now, stand.left
    rule, mask = promotion.rule, promotion.mask(now)
    if isinstance(mask, Nothing):
        unmet = explaining.unmet(rule, now) if mask.reason is Reason.CONDITION else None
        why = WhyNot(mask.reason.value)
        return (
            Refused(rule.code, why) if unmet is None else Refused(rule.code, why, unmet.fact, unmet.missing)
        )
    if isinstance(rule, Gift):
        return Discount(rule.code, (0,) * len(now.lines), gift=GiftLine(rule.sku, rule.quantity))
    basis = Basis(now, stand.listed, mask, promotion.picked(now), stand.shipping_minor)
    off = _off(promotion, basis, stand.of_lines)
    most = None if rule.at_most is None else basis.of(rule.at_most)
    if isinstance(off, Missing):
        return Refused(rule.code, WhyNot.BELOW, off.fact, off.missing)
    if off is None or (most is None and rule.at_most is not None):
        return Refused(rule.code, WhyNot.NO_RATE)
    if not (off if isinstance(off, int) else any(off)):
        return Refused(rule.code, WhyNot.ZERO)
    if rule.stage is Stage.SHIPPING:
        assert isinstance(off, int), "shipping is one amount"
        discount = Discount(rule.code, (0,) * len(now.lines), min(_limited(off, most), left.shipping))
    else:
        discount = Discount(rule.code, _cut(basis, off, most, left.amounts))
    return discount if discount.total else Refused(rule.code, WhyNot.NOTHING_LEFT)


def _off(promotion: CompiledPromotion, basis: Basis, of_lines: OfLines) -> Off:
    rule = promotion.rule
    assert not isinstance(rule, Gift), "a gift takes nothing off"
    if rule.stage is not Stage.LINE:
        return rule.off(basis)
    if rule.code not in of_lines:
        of_lines[rule.code] = rule.off(basis)
    return of_lines[rule.code]


def _limited(amount: int, most: int | None) -> int:
    return amount if most is None else min(amount, most)


def _cut(basis: Basis, off: int | Sequence[int], most: int | None, left: Sequence[int]) -> tuple[int, ...]:
    """Return what a promotion takes off each line: no more than `most` altogether, and than each line has left.

    A sum is shared over what its lines have left. The order in which it is shared is that of the contents of the lines.
    """
    if isinstance(off, int):
        order = basis.each(basis.mask)
        weights = [left[line] for line in order]
        total = min(_limited(off, most), sum(weights))
    else:
        order = basis.each(basis.cart.everything)
        weights = [min(off[line], left[line]) for line in order]
        total = _limited(sum(weights), most)
    return _by_line(order, shared(total, weights), len(left))


def _by_line(order: Iterable[int], shares: Iterable[int], lines: int) -> tuple[int, ...]:
    found = [0] * lines
    for line, share in zip(order, shares, strict=True):
        found[line] = share
    return tuple(found)
