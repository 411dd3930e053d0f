"""The order behind the reference on a complaint, and its returns."""

from services.feedback.orders.domain import OwnedOrder
from services.feedback.orders.storage import orders
from services.feedback.orders.storage.orders import returns_of as returns_of_order
from shared.db import Read
from shared.identity.brought import issuers_of

__all__ = ["find_order", "returns_of_order"]


async def find_order(
    read: Read, source: str, order_id: str, *, issuer: str, customer_id: str, only_issuer: bool
) -> OwnedOrder | None:
    """Return the order that a reference names within an issuer, best one of this customer.

    The customer's own orders count whoever recorded them, unless `only_issuer` is asked for. None if profile has not
    published the order yet.
    """
    named = await orders.named(read, source, order_id)
    untold = await issuers_of(read, (order.identity_id for order in named if order.issuer is None))
    within = [
        order
        for order in named
        if (order.issuer or untold[order.identity_id]) == issuer
        or (order.owner_id == customer_id and not only_issuer)
    ]
    return min(within, key=lambda order: order.owner_id != customer_id, default=None)
