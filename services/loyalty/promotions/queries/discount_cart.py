"""Work out the discounts of a cart."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from services.loyalty.earning.domain import changing
from services.loyalty.earning.domain.cart import Cart
from services.loyalty.earning.domain.compiling import CompiledPromotion
from services.loyalty.earning.queries.rules_asked import Asked, RulesAsked, cart_of
from services.loyalty.promotions.domain import discounts, serving
from services.loyalty.promotions.domain.discounts import Discount
from services.loyalty.promotions.domain.serving import NONE_UNLOCKED, Refused, Served, WhyNot

QUICK_MAX = 2_000
"""Promotions times lines that are evaluated in a few milliseconds."""


@dataclass(frozen=True, slots=True)
class DiscountedCart:
    """A cart with its discounts."""

    listed: Asked
    shipping_minor: int
    served: Served
    changes_at: datetime | None
    """The next instant at which a promotion begins or ends; None: there is none."""

    @property
    def net(self) -> Asked:
        """Return the cart with what its lines cost after discounts."""
        if not self.served.discounts:
            return self.listed
        amounts = discounts.net_amounts(self.listed.lines, self.served.discounts)
        lines = zip(self.listed.lines, amounts, strict=True)
        return replace(self.listed, lines=tuple(replace(line, amount_minor=amount) for line, amount in lines))

    @property
    def payable_minor(self) -> int:
        """Return what is to be paid for lines and shipping, with money or with points."""
        return self.listed.amount_minor + self.shipping_minor - self.served.total


async def discount_cart(
    rules: RulesAsked, asked: Asked, shipping_minor: int, unlocked: Collection[str] = NONE_UNLOCKED
) -> DiscountedCart:
    """Return a cart with its discounts. `unlocked`: the promotions that codes of the cart unlock. Many lines and many promotions are worked on in a thread, so that nobody waits for them."""
    cart, promotions = cart_of(rules, asked), rules.book.promotions
    if not promotions:
        return DiscountedCart(asked, shipping_minor, Served((), ()), None)
    if is_quick(promotions, cart):
        served = serving.serve(promotions, cart, shipping_minor, unlocked)
    else:
        served = await asyncio.to_thread(serving.serve, promotions, cart, shipping_minor, unlocked)
    return DiscountedCart(
        asked,
        shipping_minor,
        served,
        changing.next_change([promotion.rule for promotion in promotions], asked.at),
    )


def is_quick(promotions: Sequence[CompiledPromotion], cart: Cart) -> bool:
    """Return whether promotions are evaluated sooner than a thread begins."""
    return len(promotions) * len(cart.lines) <= QUICK_MAX


__all__ = ["Discount", "DiscountedCart", "Refused", "WhyNot", "discount_cart"]
