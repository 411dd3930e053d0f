"""The table of handlers."""

from services.feedback.events import customers, locking, points, purchases
from services.feedback.settings import Settings
from shared.consume import Handlers
from shared.events.loyalty import PointsEarned, RemedyRefused
from shared.events.profile import (
    CustomerErased,
    CustomerMerged,
    CustomerRegistered,
    CustomerUnmerged,
    PurchaseRecorded,
    PurchaseReturned,
)
from shared.service import vault_of


def handlers(settings: Settings) -> Handlers:
    """What feedback does with which event; the vault is opened when the first event needs it."""

    vault = vault_of(settings)
    return Handlers(
        consumer="feedback",
        lock=locking.lock,
        table={
            PurchaseRecorded: purchases.recorded,
            PurchaseReturned: purchases.returned,
            CustomerRegistered: customers.registered,
            CustomerMerged: customers.moved,
            CustomerUnmerged: customers.moved,
            CustomerErased: customers.erased(vault, settings.sla_grace),
            PointsEarned: points.earned(vault),
            RemedyRefused: points.refused(vault),
        },
    )
