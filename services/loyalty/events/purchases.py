"""Purchases and returns, from the words of the contract into those of the domain."""

from collections.abc import Sequence
from datetime import timedelta

from services.loyalty.domain.facts import Line, Purchase
from services.loyalty.settings import Settings
from services.loyalty.usecases.apply_returns import apply_returns
from services.loyalty.usecases.earn_points import earn_points
from services.loyalty.usecases.read_return import read_return
from shared.consume import parking
from shared.consume.parking import Parked
from shared.consume.set_aside import Reason
from shared.context import Context
from shared.db import Tx
from shared.errors import DomainError
from shared.events.profile import PurchaseRecorded, PurchaseReturned

WAITS = timedelta(days=30)
"""How long a return waits for its purchase."""
EARLY = Reason("waiting_for_purchase", "The purchase of this return has not arrived.")


async def recorded(tx: Tx, context: Context[Settings], events: Sequence[PurchaseRecorded]) -> None:
    """Earn for purchases, then apply the returns that came before them."""
    await earn_points(tx, [_purchase(event) for event in events])
    released = await parking.release(tx, context.vault, [_awaited(event) for event in events])
    if released:
        await _apply_released(tx, released)


async def returned(tx: Tx, context: Context[Settings], events: Sequence[PurchaseReturned]) -> None:
    """Apply returns; those before their purchase are parked. The wallet, locked by both, is the rendezvous."""
    waiting = {each.return_id for each in await apply_returns(tx, [read_return(event) for event in events])}
    for event in {event.return_id: event for event in events if event.return_id in waiting}.values():
        deadline_at = tx.now + WAITS
        await parking.park_event(
            tx, context.vault, "loyalty", event, awaits=_awaited(event), deadline_at=deadline_at, reason=EARLY
        )


async def _apply_released(tx: Tx, released: Sequence[Parked]) -> None:
    """Apply returns that waited; one that is refused is set aside by itself, never with the purchase it waited for."""
    try:
        async with tx.savepoint():
            await apply_returns(tx, [read_return(parking.event_of(each)) for each in released])
    except DomainError as error:
        if len(released) == 1:
            await parking.bury(tx, released, Reason(error.code, str(error)))
            return
        for each in released:
            await _apply_released(tx, [each])


def _purchase(event: PurchaseRecorded) -> Purchase:
    return Purchase(
        purchase_id=event.purchase_id,
        identity_id=event.identity_id,
        customer_id=event.customer_id,
        source=event.source,
        order_id=event.order_id,
        occurred_at=event.occurred_at,
        currency=event.currency,
        amount_minor=event.amount_minor,
        lines=tuple(
            Line(line.quantity, line.amount_minor, line.sku, line.category, line.brand)
            for line in event.lines
        ),
    )


def _awaited(event: PurchaseRecorded | PurchaseReturned) -> str:
    return f"purchase:{event.purchase_id}"
