"""The keyed hashes by which the redemptions for an order are found."""

from __future__ import annotations

from collections.abc import Iterable

from services.loyalty.ledger.domain.entries import OrderKey
from shared.vault import Vault


def token_of(vault: Vault, order: OrderKey) -> bytes:
    """Return the token of an order: the same for the same order, and without the key nothing can be read from it."""
    return vault.digest("redemption.order", order.text.encode())


def tokens_of(vault: Vault, orders: Iterable[OrderKey]) -> dict[bytes, OrderKey]:
    """Return these orders by their tokens."""
    return {token_of(vault, order): order for order in orders}
