"""Read what became of orders."""

from services.loyalty.purchases.storage.purchases import (
    has_returns,
    lines_of,
    returned_units,
    wallet_of_purchase,
    wallet_of_return,
)

__all__ = ["has_returns", "lines_of", "returned_units", "wallet_of_purchase", "wallet_of_return"]
