"""Handle returns, after earning has booked them. A return that came before its purchase is booked with that."""

from collections.abc import Sequence

from services.loyalty.coupons.usecases.give_back_codes import OrderOfPurchase, give_back_codes
from services.loyalty.ledger.domain.entries import OrderKey
from services.loyalty.settings import Settings
from shared.context import Context
from shared.db import Tx
from shared.events.profile import PurchaseRecorded, PurchaseReturned


async def purchase_recorded(tx: Tx, context: Context[Settings], events: Sequence[PurchaseRecorded]) -> None:
    """Give the codes back of purchases that were returned before they came."""
    await give_back_codes(tx, context, [_purchase(event) for event in events])


async def purchase_returned(tx: Tx, context: Context[Settings], events: Sequence[PurchaseReturned]) -> None:
    """Give the codes back of purchases that are returned as a whole."""
    await give_back_codes(tx, context, [_purchase(event) for event in events])


def _purchase(event: PurchaseRecorded | PurchaseReturned) -> OrderOfPurchase:
    return OrderOfPurchase(event.purchase_id, OrderKey(event.issuer, event.source, event.order_id))
