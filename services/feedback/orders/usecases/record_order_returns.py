"""Returns are stored, so that the order on a complaint shows them."""

from collections.abc import Sequence

from services.feedback.orders.storage import orders as storage
from services.feedback.orders.storage.tables import OrderReturnRecord
from shared import identity
from shared.db import Tx


async def record_order_returns(tx: Tx, returns: Sequence[OrderReturnRecord]) -> None:
    """Store these returns, each once. Returns of erased identities are left out."""
    owners = await identity.lock(tx, (order_return.identity_id for order_return in returns))
    await storage.add_returns(
        tx, [order_return for order_return in returns if owners[order_return.identity_id].erased_at is None]
    )
