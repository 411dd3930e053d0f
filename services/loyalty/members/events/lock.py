"""Take the locks of a whole batch of events, before its first wave."""

from collections.abc import Sequence

from services.loyalty.ledger.domain.entries import OrderKey
from services.loyalty.ledger.steps.lock_wallets import lock_wallets, meet_unknown
from services.loyalty.ledger.steps.programme import open_programme
from services.loyalty.purchases.domain.facts import orders_named
from services.loyalty.redemptions.queries.paid_orders import identities_behind
from services.loyalty.settings import Settings
from shared.context import Context
from shared.db import Tx
from shared.events.base import Event
from shared.events.feedback import RemedyGranted
from shared.events.profile import CustomerMerged, CustomerUnmerged, PurchaseRecorded, PurchaseReturned


async def lock(tx: Tx, context: Context[Settings], events: Sequence[Event]) -> None:
    """Lock the wallets of all members that these events name, and of those whose lots paid the orders they name.

    One statement locks them all, whatever capability an event is for. A remedy makes no wallet, but it meets the
    transaction that is making its member known; the capability of remedies locks the wallet if there is one.
    """
    await open_programme(tx, context)
    await meet_unknown(tx, {event.identity_id for event in events if isinstance(event, RemedyGranted)})
    others = [event for event in events if not isinstance(event, RemedyGranted)]
    named = {identity_id for event in others for identity_id in event.identities}
    orders = [_order(event) for event in others if isinstance(event, PurchaseRecorded | PurchaseReturned)]
    behind = await identities_behind(tx, context.vault, orders_named(orders))
    is_moving = any(isinstance(event, CustomerMerged | CustomerUnmerged) for event in others)
    await lock_wallets(tx, named | behind, as_owners=is_moving)


def _order(event: PurchaseRecorded | PurchaseReturned) -> OrderKey:
    return OrderKey(event.issuer, event.source, event.order_id)
