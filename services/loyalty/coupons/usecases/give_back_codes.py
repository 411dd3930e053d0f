"""Give codes back whose orders were returned."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from services.loyalty.coupons.domain import document as documents
from services.loyalty.coupons.domain.document import GivesBack
from services.loyalty.coupons.steps.claiming import give_codes_back
from services.loyalty.coupons.storage import claims, coupons
from services.loyalty.coupons.storage.coupons import VersionKey
from services.loyalty.coupons.storage.tables import CouponClaimRecord
from services.loyalty.ledger.domain.entries import OrderKey
from services.loyalty.purchases.domain.facts import StoredPurchase, UnitRange, orders_named
from services.loyalty.purchases.queries import orders
from services.loyalty.redemptions.queries.order_tokens import tokens_of
from services.loyalty.settings import Settings
from shared.context import Context
from shared.db import Tx


@dataclass(frozen=True, slots=True)
class OrderOfPurchase:
    """A purchase, and the order that it came from."""

    purchase_id: str
    order: OrderKey


async def give_back_codes(tx: Tx, context: Context[Settings], named: Sequence[OrderOfPurchase]) -> None:
    """Let codes be used again that were used for these purchases, if all their units were returned and the coupon says so.

    The wallets of the purchases are locked, and their returns are booked.
    """
    purchase_of = {
        token: purchase.purchase_id
        for purchase in named
        for token in tokens_of(context.vault, orders_named([purchase.order]))
    }
    used = await claims.used_for(tx, sorted(purchase_of))
    if not used:
        return
    purchase_ids = {purchase_of[claim.order_token] for claim in used if claim.order_token is not None}
    purchases = (await orders.find(tx, sorted(purchase_ids))).values()
    returned = await orders.returned_units(tx, sorted(purchase.id for purchase in purchases))
    gone = {
        purchase.purchase_id for purchase in purchases if _is_gone(purchase, returned.get(purchase.id, []))
    }
    back = [
        claim for claim in used if claim.order_token is not None and purchase_of[claim.order_token] in gone
    ]
    await give_codes_back(tx, await _given_back(tx, back), tx.now)


def _is_gone(purchase: StoredPurchase, returned: Sequence[UnitRange]) -> bool:
    """Return whether all units of a purchase were returned."""
    units = sum(part.unit_to - part.unit_from + 1 for part in returned)
    return units == sum(line.quantity for line in purchase.lines)


async def _given_back(tx: Tx, used: Sequence[CouponClaimRecord]) -> list[CouponClaimRecord]:
    """Return those of these claims whose codes can be used again, by the versions that they were promised by."""
    versions = await coupons.versions(tx, [VersionKey(claim.coupon, claim.version) for claim in used])
    return [
        claim
        for claim in used
        if documents.parse(versions[VersionKey(claim.coupon, claim.version)].document).gives_back
        is GivesBack.ALL_RETURNED
    ]
