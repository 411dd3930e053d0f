"""Find the promotions that a member could use on a cart."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from services.loyalty.earning.domain.cart import Cart
from services.loyalty.earning.domain.compiling import CompiledPromotion
from services.loyalty.earning.queries.rules_asked import Asked, RulesAsked, cart_of, rules_for_quote
from services.loyalty.ledger.queries.find_member import FoundMember
from services.loyalty.ledger.queries.programme import programme_or_default
from services.loyalty.promotions.domain import offering
from services.loyalty.promotions.domain.offering import Offer
from services.loyalty.promotions.domain.serving import NONE_UNLOCKED
from services.loyalty.promotions.queries.discount_cart import is_quick
from services.loyalty.settings import Settings
from shared.context import Context
from shared.db import Read


@dataclass(frozen=True, slots=True)
class Offers:
    """The promotions of a cart, best first, by the rules in force."""

    rules: RulesAsked
    listed: Sequence[Offer]


async def find_offers(
    read: Read,
    context: Context[Settings],
    found: FoundMember | None,
    asked: Asked,
    shipping_minor: int,
    unlocked: Collection[str] = NONE_UNLOCKED,
) -> Offers:
    """Return what each promotion takes off a cart, or would if it was alone, and what is missing for it. Nothing is written.

    `found` None: somebody who never bought. `unlocked`: the promotions that codes of the member unlock.
    """
    programme = await programme_or_default(read, context)
    rules = await rules_for_quote(read, programme, found, asked)
    return Offers(
        rules, await _offers(rules.book.promotions, cart_of(rules, asked), shipping_minor, unlocked)
    )


async def _offers(
    promotions: Sequence[CompiledPromotion], cart: Cart, shipping_minor: int, unlocked: Collection[str]
) -> list[Offer]:
    if is_quick(promotions, cart):
        return offering.offers(promotions, cart, shipping_minor, unlocked)
    return await asyncio.to_thread(offering.offers, promotions, cart, shipping_minor, unlocked)


__all__ = ["Offer", "Offers", "find_offers"]
