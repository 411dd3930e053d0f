"""Read wallets without a lock."""

from services.loyalty.ledger.storage.checks import spends
from services.loyalty.ledger.storage.wallets import due, identities

__all__ = ["due", "identities", "spends"]
