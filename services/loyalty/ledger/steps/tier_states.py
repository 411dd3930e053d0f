"""Read and store the tiers of members, whose table lies beside their wallets."""

from services.loyalty.ledger.storage.tier_states import read, remove, store

__all__ = ["read", "remove", "store"]
