"""Read whose remedies are."""

from services.loyalty.remedies.storage.remedies import wallet_of_remedy

__all__ = ["wallet_of_remedy"]
