"""Orders are stored, so that complaints can refer to them."""

from collections.abc import Sequence

from services.feedback.orders.storage import orders as storage
from services.feedback.orders.storage.tables import OrderRecord
from shared import identity
from shared.db import Tx


async def record_orders(tx: Tx, orders: Sequence[OrderRecord]) -> None:
    """Store these orders, each once. Orders of erased identities are left out."""
    owners = await identity.lock(tx, (order.identity_id for order in orders))
    await storage.add(tx, [order for order in orders if owners[order.identity_id].erased_at is None])
