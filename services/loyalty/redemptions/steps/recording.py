"""Record a redemption whose points are booked, and tell it."""

from __future__ import annotations

from dataclasses import dataclass

from services.loyalty.ledger.domain.entries import OrderKey
from services.loyalty.ledger.domain.postings import Account, PostingCause
from services.loyalty.ledger.domain.wallets import Wallet
from services.loyalty.ledger.steps.booking import Booking
from services.loyalty.ledger.steps.tell_points import MovedPoints, tell_points
from services.loyalty.purchases.domain import attribution
from services.loyalty.purchases.domain.facts import Line
from services.loyalty.redemptions.storage import redemptions
from services.loyalty.redemptions.storage.redemptions import exists, first_of_order
from services.loyalty.redemptions.storage.tables import RedemptionRecord
from services.loyalty.settings import Settings
from shared.context import Context
from shared.db import Tx
from shared.events.base import Cause
from shared.events.loyalty import PointsRedeemed
from shared.vault import Numbers

__all__ = ["Spent", "exists", "first_of_order", "record", "tell"]


@dataclass(frozen=True, slots=True)
class Spent:
    """Points that were spent, under a natural key. With `lines` of an order, returns of that order give them back."""

    key: bytes
    points: int
    reference: str | None
    order: OrderKey | None
    order_token: bytes | None
    lines: tuple[Line, ...]


async def record(
    booking: Booking, context: Context[Settings], wallet: Wallet, posted: PostingCause, spent: Spent
) -> None:
    """Store the row of a redemption by the identity of `wallet`, whose postings have the cause `posted`."""
    reference, order = await _sealed(booking.tx, context, wallet, spent)
    await redemptions.add(
        booking.tx,
        RedemptionRecord(
            id=posted.id,
            key=spent.key,
            wallet_id=wallet.id,
            identity_id=wallet.identity_id,
            customer_id=wallet.owner_id,
            order_token=spent.order_token,
            order_sealed=order,
            points=spent.points,
            base=attribution.eligible_amount(spent.lines),
            lines=spent.lines,
            reference=reference,
            occurred_at=booking.journal.now,
            booked_at=wallet.last_booked_at,
        ),
    )


def tell(booking: Booking, numbers: Numbers, posted: PostingCause, redemption_id: str) -> None:
    """Publish the points that a redemption took from each wallet. `redemption_id` is the id by which callers know it."""
    cause = Cause(kind="redemption", id=redemption_id)
    for wallet_id, points in booking.journal.points_by_wallet(posted, Account.REDEEMED).items():
        wallet = booking.locked.by_id[wallet_id]
        moved = MovedPoints(wallet, points, cause, posted, booking.journal.now)
        tell_points(booking.tx, numbers, booking.programme, PointsRedeemed, moved)


async def _sealed(
    tx: Tx, context: Context[Settings], wallet: Wallet, spent: Spent
) -> tuple[bytes | None, bytes | None]:
    """Return the reference and the order, sealed for the identity: both are a person's words."""
    if spent.reference is None and spent.order is None:
        return None, None
    keys, identity_id = await context.vault.new_subject(tx, [wallet.identity_id]), wallet.identity_id
    return (
        keys.seal(identity_id, "redemption.reference", spent.reference) if spent.reference else None,
        keys.seal(identity_id, "redemption.order", spent.order.text) if spent.order else None,
    )
