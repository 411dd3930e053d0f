"""Which event leads to which use case."""

from services.loyalty.events import customers, purchases, remedies
from services.loyalty.events.locking import Locking
from services.loyalty.settings import Settings
from shared.consume import Handlers
from shared.events.feedback import RemedyGranted
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
    """The consumer `loyalty`; the vault is opened when the first event needs it."""

    vault = vault_of(settings)
    return Handlers(
        consumer="loyalty",
        lock=Locking(settings, vault).lock,
        table={
            PurchaseRecorded: purchases.recorded(vault),
            PurchaseReturned: purchases.returned(vault),
            CustomerRegistered: customers.registered,
            CustomerMerged: customers.moved,
            CustomerUnmerged: customers.moved,
            CustomerErased: customers.erased(vault),
            RemedyGranted: remedies.granted(vault),
        },
    )
