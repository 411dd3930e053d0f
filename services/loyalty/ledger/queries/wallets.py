"""Read wallets without a lock."""

from services.loyalty.ledger.storage.checks import spends
from services.loyalty.ledger.storage.member_page import is_of
from services.loyalty.ledger.storage.wallets import due, identities

__all__ = ["due", "identities", "is_of", "spends"]
