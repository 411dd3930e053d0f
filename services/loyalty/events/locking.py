"""The locks of a whole batch, before its first wave, and the remedies that waited for its new members."""

from collections.abc import Sequence

from services.loyalty.settings import Settings
from services.loyalty.storage import redemptions, wallets
from services.loyalty.usecases.credit_remedies import credit_remedies
from services.loyalty.usecases.open_programme import open_programme
from services.loyalty.usecases.read_remedy import read_remedy
from shared.consume import parking
from shared.context import Context
from shared.db import Tx, locks
from shared.events.base import Event
from shared.events.feedback import RemedyGranted
from shared.events.profile import CustomerMerged, CustomerUnmerged, PurchaseRecorded, PurchaseReturned


async def lock(tx: Tx, context: Context[Settings], events: Sequence[Event]) -> None:
    """Lock the wallets of everyone these events name, and of those whose lots paid their orders.

    A remedy is no reason to make a wallet: nobody is made known by being promised something.
    """
    await open_programme(tx, currency=context.settings.currency, zone=context.settings.zone)
    promised = {event.identity_id for event in events if isinstance(event, RemedyGranted)}
    others = [event for event in events if not isinstance(event, RemedyGranted)]
    await _meet(tx, promised)
    named = {identity_id for event in others for identity_id in event.identities}
    orders = (_order(event) for event in others if isinstance(event, PurchaseRecorded | PurchaseReturned))
    behind = await redemptions.identities_behind(tx, orders)
    moves = any(isinstance(event, CustomerMerged | CustomerUnmerged) for event in others)
    locked = await wallets.lock(tx, named | behind, as_owners=moves)
    await wallets.lock(tx, promised, create=False)
    awaited = [f"identity:{identity_id}" for identity_id in locked.created]
    waiting = [parking.event_of(parked) for parked in await parking.release(tx, context.vault, awaited)]
    if waiting:
        await credit_remedies(tx, [read_remedy(event) for event in waiting])


def _order(event: PurchaseRecorded | PurchaseReturned) -> tuple[str, str]:
    return event.source, event.order_id


async def _meet(tx: Tx, promised: set[str]) -> None:
    """Meet whoever makes these identities known, where that has not happened."""
    unknown = promised - await wallets.known(tx, sorted(promised)) if promised else set()
    if unknown:
        await locks.rendezvous(tx, (f"identity:{each}" for each in unknown), exclusive=True)
