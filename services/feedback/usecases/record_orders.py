"""Purchases become what complaints can refer to."""

from collections.abc import Sequence

from services.feedback.storage import orders
from shared import identity
from shared.db import Tx
from shared.events.profile import PurchaseRecorded


async def record_orders(tx: Tx, purchases: Sequence[PurchaseRecorded]) -> None:
    """Keep these purchases, each once; what belongs to an erased identity is left out."""
    owners = await identity.lock(tx, (purchase.identity_id for purchase in purchases))
    await orders.add(
        tx,
        [
            {
                "purchase_id": purchase.purchase_id,
                "source": purchase.source,
                "order_id": purchase.order_id,
                "identity_id": purchase.identity_id,
                "occurred_at": purchase.occurred_at,
                "currency": purchase.currency,
                "amount_minor": purchase.amount_minor,
                "lines": [[line.line, line.sku, line.quantity, line.amount_minor] for line in purchase.lines],
            }
            for purchase in purchases
            if owners[purchase.identity_id].erased_at is None
        ],
    )
