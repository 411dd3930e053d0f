"""Purchases and returns, as profile tells them."""

from collections.abc import Sequence

from services.feedback.settings import Settings
from services.feedback.usecases.record_order_returns import record_order_returns
from services.feedback.usecases.record_orders import record_orders
from shared.context import Context
from shared.db import Tx
from shared.events.profile import PurchaseRecorded, PurchaseReturned


async def recorded(tx: Tx, context: Context[Settings], events: Sequence[PurchaseRecorded]) -> None:
    """Keep what complaints may refer to."""
    await record_orders(tx, events)


async def returned(tx: Tx, context: Context[Settings], events: Sequence[PurchaseReturned]) -> None:
    """Keep what went back."""
    await record_order_returns(tx, events)
