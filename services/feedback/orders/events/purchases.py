"""Purchases and returns, as profile publishes them."""

from collections.abc import Sequence

from services.feedback.orders.domain import OrderLine, ReturnedUnits
from services.feedback.orders.storage.tables import OrderRecord, OrderReturnRecord
from services.feedback.orders.usecases.record_order_returns import record_order_returns
from services.feedback.orders.usecases.record_orders import record_orders
from services.feedback.settings import Settings
from shared import identity
from shared.context import Context
from shared.db import Tx
from shared.events.base import Event
from shared.events.profile import PURCHASES, PurchaseRecorded, PurchaseReturned


async def lock(tx: Tx, _context: Context[Settings], events: Sequence[Event]) -> None:
    """Lock the identities that a batch of purchase events names."""
    await identity.lock(
        tx, (name for event in events if event.topic is PURCHASES for name in event.identities)
    )


async def purchase_recorded(tx: Tx, _context: Context[Settings], events: Sequence[PurchaseRecorded]) -> None:
    """Store the orders that complaints may refer to."""
    await record_orders(tx, [_order(event) for event in events])


async def purchase_returned(tx: Tx, _context: Context[Settings], events: Sequence[PurchaseReturned]) -> None:
    """Store the returns of orders."""
    await record_order_returns(tx, [_order_return(event) for event in events])


def _order(event: PurchaseRecorded) -> OrderRecord:
    return OrderRecord(
        purchase_id=event.purchase_id,
        issuer=event.issuer,
        source=event.source,
        order_id=event.order_id,
        identity_id=event.identity_id,
        occurred_at=event.occurred_at,
        currency=event.currency,
        amount_minor=event.amount_minor,
        lines=tuple(OrderLine(line.line, line.sku, line.quantity, line.amount_minor) for line in event.lines),
    )


def _order_return(event: PurchaseReturned) -> OrderReturnRecord:
    return OrderReturnRecord(
        return_id=event.return_id,
        purchase_id=event.purchase_id,
        identity_id=event.identity_id,
        occurred_at=event.occurred_at,
        currency=event.currency,
        amount_minor=event.amount_minor,
        lines=tuple(
            ReturnedUnits(line.line, line.unit_from, line.unit_to, line.amount_minor) for line in event.lines
        ),
    )
