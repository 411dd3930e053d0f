"""Handle purchases and returns."""

from collections.abc import Sequence
from datetime import timedelta

from services.loyalty.earning.events.translation import (
    awaited_by,
    parked_return,
    purchase_of,
    return_of,
)
from services.loyalty.earning.steps.rulebooks import open_rulebooks
from services.loyalty.earning.usecases.apply_returns import apply_returns
from services.loyalty.earning.usecases.earn_points import earn_points
from services.loyalty.ledger.steps.programme import current_programme
from services.loyalty.settings import Settings
from shared.consume import parking
from shared.consume.parking import Parked
from shared.consume.set_aside import Reason
from shared.context import Context
from shared.db import Tx
from shared.errors import DomainError
from shared.events.base import Event
from shared.events.profile import PurchaseRecorded, PurchaseReturned

WAITS = timedelta(days=30)
"""A return waits this long for its purchase."""
EARLY = Reason("waiting_for_purchase", "The purchase of this return has not arrived.")


async def open_rules(tx: Tx, context: Context[Settings], events: Sequence[Event]) -> None:
    """Make sure that the programme has a rulebook before the first purchase is looked at."""
    await open_rulebooks(tx, await current_programme(tx))


async def purchase_recorded(tx: Tx, context: Context[Settings], events: Sequence[PurchaseRecorded]) -> None:
    """Earn for purchases, then apply the returns that came before them."""
    await earn_points(tx, context, [purchase_of(event) for event in events])
    released = await parking.release(tx, context.vault, [awaited_by(event) for event in events])
    if released:
        await _apply_released(tx, context, released)


async def purchase_returned(tx: Tx, context: Context[Settings], events: Sequence[PurchaseReturned]) -> None:
    """Apply returns, and park those before their purchase. The wallet, which both lock, is the rendezvous."""
    early = await apply_returns(tx, context, [return_of(event) for event in events])
    waiting = {fact.return_id for fact in early}
    for event in {event.return_id: event for event in events if event.return_id in waiting}.values():
        await parking.park_event(
            tx,
            context.vault,
            context.settings.service,
            event,
            awaits=awaited_by(event),
            deadline_at=tx.now + WAITS,
            reason=EARLY,
        )


async def _apply_released(tx: Tx, context: Context[Settings], released: Sequence[Parked]) -> None:
    """Apply returns that waited. One that is refused is set aside alone, never with the purchase it waited for."""
    try:
        async with tx.savepoint():
            await apply_returns(tx, context, [parked_return(parked) for parked in released])
    except DomainError as error:
        if len(released) == 1:
            await parking.mark_dead(tx, released, Reason(error.code, str(error)))
            return
        for parked in released:
            await _apply_released(tx, context, [parked])
