"""Read holds as they are stored."""

from services.loyalty.ledger.storage.hold_table import HoldRecord
from services.loyalty.ledger.storage.holds import SORTS, HoldSelection, by_ids, of_wallets, page

__all__ = ["SORTS", "HoldRecord", "HoldSelection", "by_ids", "of_wallets", "page"]
