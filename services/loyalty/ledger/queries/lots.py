"""Read lots as they are stored."""

from services.loyalty.ledger.storage.lots import (
    by_ids,
    ids_of_purchases,
    left_of_budgets,
    of_activities,
    of_purchases,
    of_wallets,
)
from services.loyalty.ledger.storage.tables import LotRecord

__all__ = [
    "LotRecord",
    "by_ids",
    "ids_of_purchases",
    "left_of_budgets",
    "of_activities",
    "of_purchases",
    "of_wallets",
]
