"""Read lots as they are stored."""

from services.loyalty.ledger.storage.lots import of_wallets
from services.loyalty.ledger.storage.tables import LotRecord

__all__ = ["LotRecord", "of_wallets"]
