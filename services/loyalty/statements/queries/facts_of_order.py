"""Find what happened to one order: its purchase, its returns, the lots that it earned and the points that paid it."""

from __future__ import annotations

from collections.abc import Sequence

from services.loyalty.earning.queries.entries import completed_by
from services.loyalty.ledger.domain.entries import OrderKey
from services.loyalty.ledger.domain.postings import CauseKind, PostingCause
from services.loyalty.ledger.queries import lots
from services.loyalty.purchases.queries import orders
from services.loyalty.redemptions.queries import redemptions
from shared.db import Read
from shared.events.base import SHOP
from shared.vault import Vault


async def facts_of_purchase(
    read: Read, vault: Vault, purchase_id: str, wallet_ids: Sequence[int]
) -> list[PostingCause]:
    """Return the facts of the order of a purchase; none if the purchase is not booked."""
    purchase = (await orders.find(read, [purchase_id])).get(purchase_id)
    if purchase is None:
        return []
    named = purchase.source, purchase.order_id, purchase.issuer
    return await facts_of_order(read, vault, *named, wallet_ids=wallet_ids)


async def facts_of_order(
    read: Read, vault: Vault, source: str, order_id: str, issuer: str | None, *, wallet_ids: Sequence[int]
) -> list[PostingCause]:
    """Return the facts of an order. Some of them can have moved nothing on these wallets.

    Without an issuer they are those of the orders of all issuers with this id. Then points that pay a partner's order are
    found once its purchase is booked, because only a purchase tells which partners have such an order.
    Redemptions are those that the identities of these wallets asked for. Points that an order earned also become active and
    expire with its lots.
    """
    issuer_of = await orders.of_order(read, source, order_id, issuer)
    bought = [*issuer_of]
    returned = await orders.returns_of(read, bought) if bought else []
    earned = await lots.ids_of_purchases(read, bought) if bought else []
    completed = await completed_by(read, bought) if bought else {}
    earned += completed.values()
    moved = await lots.ids_of_terms(read, earned) if earned else []
    issuers = {issuer or SHOP, *issuer_of.values()}
    named = [OrderKey(recorder, source, order_id) for recorder in issuers]
    spent = await redemptions.rows_of_orders(read, vault, named, wallet_ids)
    return [
        PostingCause(kind, row_id)
        for kind, row_ids in (
            (CauseKind.PURCHASE, bought),
            (CauseKind.GOAL, [*completed]),
            (CauseKind.RETURN, returned),
            (CauseKind.REDEMPTION, spent),
            (CauseKind.LOT_ACTIVATE, earned),
            (CauseKind.LOT_EXPIRE, earned),
            (CauseKind.LOT_SLIDE, moved),
            (CauseKind.TERM_EXPIRE, moved),
        )
        for row_id in row_ids
    ]
