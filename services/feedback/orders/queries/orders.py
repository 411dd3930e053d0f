"""The order behind the reference on a complaint, and its returns."""

from services.feedback.orders.domain import OwnedOrder
from services.feedback.orders.storage import orders
from services.feedback.orders.storage.tables import OrderReturnRecord
from shared.db import Read


async def find_order(read: Read, source: str, order_id: str) -> OwnedOrder | None:
    """Return the order that a shop's reference names; None if profile has not published it yet."""
    return await orders.find(read, source, order_id)


async def returns_of_order(read: Read, purchase_id: str) -> list[OrderReturnRecord]:
    """Return the returns of an order in effective order."""
    return await orders.returns_of(read, purchase_id)
