"""Which event leads to which use case."""

from functools import cache

from services.loyalty.events import customers, purchases, remedies
from services.loyalty.events.locking import Locking
from services.loyalty.settings import Settings
from shared.consume import Handlers
from shared.events import (
    CustomerErased,
    CustomerMerged,
    CustomerRegistered,
    CustomerUnmerged,
    PurchaseRecorded,
    PurchaseReturned,
    RemedyGranted,
)
from shared.vault import Vault, open_vault


def handlers(settings: Settings) -> Handlers:
    """The consumer `loyalty`; the vault is opened when the first event needs it."""

    @cache
    def vault() -> Vault:
        key = settings.vault_key
        if settings.vault_key_file is not None:
            key = settings.vault_key_file.read_text().strip()
        return open_vault(
            settings.home, settings.service, key=key or None, reference_key=settings.reference_key or None
        )

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
