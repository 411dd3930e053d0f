"""Read what became of orders."""

from services.loyalty.purchases.storage.purchases import (
    any_recorded,
    find,
    find_rows,
    has_returns,
    of_order,
    of_period,
    of_versions_before,
    returned_units,
    returns_of,
    wallet_of_purchase,
    wallet_of_return,
)

__all__ = [
    "any_recorded",
    "find",
    "find_rows",
    "has_returns",
    "of_order",
    "of_period",
    "of_versions_before",
    "returned_units",
    "returns_of",
    "wallet_of_purchase",
    "wallet_of_return",
]
