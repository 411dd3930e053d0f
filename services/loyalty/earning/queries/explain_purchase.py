"""Explain what a purchase earned."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from services.loyalty.earning.domain import evaluating, explaining, falling
from services.loyalty.earning.domain.explaining import Applied, Rejected
from services.loyalty.earning.queries.rulebooks import compiled_of
from services.loyalty.earning.refusals import NoSuchPurchase
from services.loyalty.ledger.queries import lots
from services.loyalty.ledger.queries.find_member import FoundMember
from services.loyalty.purchases.domain.facts import StoredPurchase
from services.loyalty.purchases.queries import orders
from shared.db import Read


@dataclass(frozen=True, slots=True)
class Explanation:
    """The answer of every rule to a purchase, by the version of its time and the facts that were frozen with it."""

    purchase: StoredPurchase
    applied: list[Applied]
    rejected: list[Rejected]


async def explain_purchase(read: Read, found: FoundMember, row_id: int | None) -> Explanation:
    """Return what each rule answered to a purchase of this member. Raises NoSuchPurchase.

    Many lines and many rules take longer than others may wait for, so they are worked on in a thread.
    """
    stored = await orders.find_rows(read, [] if row_id is None else [row_id])
    purchase = stored.get(row_id or 0)
    if purchase is None or purchase.wallet_id not in found.wallet_ids:
        raise NoSuchPurchase
    book = (await compiled_of(read, [purchase.rulebook]))[purchase.rulebook]
    granted = {lot.rule: lot.issued for lot in await lots.of_purchases(read, [purchase.id])}
    cart = falling.cart_of(purchase)(())
    answers = await asyncio.to_thread(evaluating.answers, book, cart)
    return Explanation(
        purchase,
        explaining.applied_of(book, cart, answers, granted),
        await asyncio.to_thread(explaining.rejected_of, book, cart, answers),
    )
