"""Read lots as they are stored."""

from services.loyalty.ledger.storage.lots import (
    by_ids,
    expiring_wallet,
    ids_of_purchases,
    left_of_budgets,
    of_activities,
    of_purchases,
    of_wallets,
)
from services.loyalty.ledger.storage.tables import LotRecord
from services.loyalty.ledger.storage.terms import ids_of_lots as ids_of_terms
from services.loyalty.ledger.storage.terms import of_lots as terms_of

__all__ = [
    "LotRecord",
    "by_ids",
    "expiring_wallet",
    "ids_of_purchases",
    "ids_of_terms",
    "left_of_budgets",
    "of_activities",
    "of_purchases",
    "of_wallets",
    "terms_of",
]
