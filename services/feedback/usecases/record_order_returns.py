"""Returns become what the order on a complaint shows."""

from collections.abc import Sequence

from services.feedback.storage import orders
from shared import identity
from shared.db import Tx
from shared.events.profile import PurchaseReturned


async def record_order_returns(tx: Tx, returns: Sequence[PurchaseReturned]) -> None:
    """Keep these returns, each once; what belongs to an erased identity is left out."""
    owners = await identity.lock(tx, (one.identity_id for one in returns))
    await orders.add_returns(
        tx,
        [
            {
                "return_id": one.return_id,
                "purchase_id": one.purchase_id,
                "identity_id": one.identity_id,
                "occurred_at": one.occurred_at,
                "currency": one.currency,
                "amount_minor": one.amount_minor,
                "lines": [[line.line, line.unit_from, line.unit_to, line.amount_minor] for line in one.lines],
            }
            for one in returns
            if owners[one.identity_id].erased_at is None
        ],
    )
