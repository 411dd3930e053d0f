"""The table of handlers."""

from functools import cache

from services.feedback.events import customers, locking, points, purchases
from services.feedback.settings import Settings
from shared.consume import Handlers
from shared.events import (
    CustomerErased,
    CustomerMerged,
    CustomerRegistered,
    CustomerUnmerged,
    PointsEarned,
    PurchaseRecorded,
    PurchaseReturned,
    RemedyRefused,
)
from shared.vault import Vault, open_vault


def handlers(settings: Settings) -> Handlers:
    """What feedback does with which event; the vault is opened when the first event needs it."""

    @cache
    def vault() -> Vault:
        key = settings.vault_key
        if settings.vault_key_file is not None:
            key = settings.vault_key_file.read_text().strip()
        return open_vault(
            settings.home, settings.service, key=key or None, reference_key=settings.reference_key or None
        )

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
