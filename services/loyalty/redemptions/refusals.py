"""The refusals of redemptions."""

from __future__ import annotations

from shared.errors import DomainError, Kind


class OrderReturned(DomainError):
    """Points were to pay an order of which units have gone back already; no return would ever give them back."""

    kind = Kind.CONFLICT
    code = "order_returned"
