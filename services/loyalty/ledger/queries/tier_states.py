"""Read the tiers of members, whose table lies beside their wallets."""

from services.loyalty.ledger.storage.tier_states import due, read

__all__ = ["due", "read"]
