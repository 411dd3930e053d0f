"""Offer the promotions of a cart: those that take something off first, then those of which the least is missing."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from services.loyalty.earning.domain.cart import Cart
from services.loyalty.earning.domain.compiling import CompiledPromotion
from services.loyalty.promotions.domain.serving import NONE_UNLOCKED, OfLines, Refused, WhyNot, serve

NO_OFFER = (WhyNot.NOT_IN_FORCE, WhyNot.NO_RATE, WhyNot.CODE_NEEDED)
"""The reasons for which a promotion is no offer for a cart, whatever the customer adds to the cart."""


@dataclass(frozen=True, slots=True)
class Offer:
    """A promotion of a cart. `amount_minor`: what it takes off together with the others; `alone_minor`: what it would take off alone.

    `refused`: why it takes nothing off; None: it does.
    """

    promotion: str
    amount_minor: int
    alone_minor: int
    refused: Refused | None

    @property
    def rank(self) -> tuple[int, int, str]:
        """Return the sort key by which the best comes first."""
        if self.refused is None:
            return 0, -self.amount_minor, self.promotion
        if self.alone_minor:
            return 1, -self.alone_minor, self.promotion
        if self.refused.missing is None:
            return 4, 0, self.promotion
        return 3 if (self.refused.fact or "").endswith(".amount") else 2, self.refused.missing, self.promotion


def offers(
    promotions: Sequence[CompiledPromotion],
    cart: Cart,
    shipping_minor: int,
    unlocked: Collection[str] = NONE_UNLOCKED,
) -> list[Offer]:
    """Return the promotions of a cart, the best first. `unlocked`: those that need a coupon of which the member has a code.

    First come those that take something off, the greatest first; then those that would, if no other one did; then those for which units are missing,
    and those for which money is missing, the least first; then the rest.
    """
    of_lines: OfLines = {}
    served = serve(promotions, cart, shipping_minor, unlocked, of_lines)
    amount_of = {discount.promotion: discount.total for discount in served.discounts}
    refused_of = {refused.promotion: refused for refused in served.refused}
    found = [
        Offer(
            code,
            amount_of.get(code, 0),
            serve([promotion], cart, shipping_minor, unlocked, of_lines).total,
            refused_of.get(code),
        )
        for promotion in promotions
        if (code := promotion.rule.code) not in refused_of or refused_of[code].reason not in NO_OFFER
    ]
    return sorted(found, key=lambda offer: offer.rank)
